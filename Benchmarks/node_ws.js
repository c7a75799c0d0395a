// The peer: Node's ws with the rooms and the echo that loadgen's --proto ws expects. node node_ws.js PORT [CERT KEY]
// WS_DIR names another ws package than the one that `require` finds (Debian's node-ws).
const { WebSocketServer, WebSocket } = require(process.env.WS_DIR || 'ws');
const fs = require('fs');
const [port, cert, key] = process.argv.slice(2);
const rooms = new Map();
const srv = cert
  ? require('https').createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) })
  : require('http').createServer();
const wss = new WebSocketServer({ server: srv, perMessageDeflate: false });
wss.on('connection', (ws, req) => {
  ws.on('error', () => {});
  if (req.url === '/echo') { ws.on('message', (m, bin) => ws.send(m, { binary: bin })); return; }
  let room = null;
  ws.on('message', (m, bin) => {
    if (!room) {
      const s = m.toString();
      if (!s.startsWith('join ')) return ws.close();
      room = rooms.get(s.slice(5));
      if (!room) rooms.set(s.slice(5), room = new Set());
      room.add(ws);
      ws.send('joined');
      return;
    }
    for (const c of room) if (c.readyState === WebSocket.OPEN) c.send(m, { binary: bin });
  });
  ws.on('close', () => { if (room) room.delete(ws); });
});
srv.on('clientError', (_, socket) => socket.destroy());
srv.listen(+port, '127.0.0.1', () => console.log('listening', port));
