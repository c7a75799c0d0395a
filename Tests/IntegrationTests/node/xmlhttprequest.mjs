// As much of a browser as the official client needs for polling: XMLHttpRequest over Node's http, FileReader.
import http from "node:http";

const agent = new http.Agent({ keepAlive: true });

export class XMLHttpRequest {
  readyState = 0;
  status = 0;
  responseText = "";
  responseType = "";
  withCredentials = false;
  timeout = 0;
  onreadystatechange = null;
  #headers = {};

  open(method, url) {
    this.#enter(1, () => Object.assign(this, { method, url }));
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  getResponseHeader(name) {
    const value = this.response?.headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(", ") : (value ?? null);
  }

  send(body) {
    const options = { method: this.method, headers: this.#headers, agent, timeout: this.timeout || undefined };
    this.request = http.request(this.url, options, (response) => {
      this.response = response;
      response.setEncoding("utf8");
      let text = "";
      response.on("data", (part) => (text += part));
      response.on("error", () => this.#fails());
      response.on("end", () => {
        this.#enter(3, () => (this.status = response.statusCode));
        this.#enter(4, () => (this.responseText = text));
      });
    });
    this.request.on("error", () => this.#fails());
    this.request.end(body ?? undefined);
  }

  abort() {
    this.onreadystatechange = null;
    this.request?.destroy();
  }

  #fails() {
    if (this.readyState < 4) this.#enter(4, () => (this.status = 0));
  }

  #enter(state, change) {
    change();
    this.readyState = state;
    this.onreadystatechange?.();
  }
}

export class FileReader {
  async readAsDataURL(blob) {
    this.result = `data:;base64,${Buffer.from(await blob.arrayBuffer()).toString("base64")}`;
    this.onload();
  }
}
