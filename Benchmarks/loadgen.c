// loadgen.c - single-threaded epoll WebSocket load generator (Linux, loopback benchmarks).
//
//   gcc -O3 -march=native -Wall -o loadgen loadgen.c
//   gcc -O3 -march=native -Wall -DTLS -o loadgen loadgen.c -lssl -lcrypto     (adds --tls: the same over TLS, any certificate)
//
// One thread, raw non-blocking sockets, level-triggered epoll, one recv() per ready socket, one send() per
// batch of frames. Every message carries "~" + 8 hex digits (a sequence number) in its payload; the generator
// keeps send time and expected deliveries per sequence number in a ring, so it checks that every expected
// delivery arrives (exactly as many as expected), measures each delivery's latency, and implements exact
// closed-loop windows. The same marker is found inside any envelope (plain WebSocket, Socket.IO, Centrifuge
// JSON, several messages in one frame), so any protocol can be plugged in with --send/--expect/--msg.
//
// Modes:
//   echo    N connections, each keeps --window messages outstanding (default 1)
//   fanout  N members of room 0, first --publishers of them publish, each --window messages outstanding;
//           a message is complete once all N members (sender included) have it
//   rooms   --rooms R rooms, N/R members each, every member sends --rate msgs/s (open loop; latency is counted
//           from the scheduled time, so no coordinated omission); --together: all at the same moments
//   idle    open N connections (join the room if the protocol has a join step), hold --hold s, close them all, wait --after s;
//           reports the server's RSS before, while held, and after (rss_kept_mib: after minus before)
//
// Session chat (--proto chat) takes one token per connection from --tokens FILE, a line each ({token} in --path); one room, but in idle.
// Its messages are snapshots: a delivery is what one shows behind the last message of the one before.
//
// Output: one JSON line on stdout. Every run is bounded: --secs (measure), --warmup, --timeout (hard stop).
//
// Typical: taskset -c 1 ./loadgen --mode fanout --proto ws --port 9001 --conns 1000 --pid $(pidof server)

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#ifdef TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#endif

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint8_t u8;

static inline u64 now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000ull + t.tv_nsec;
}
static void die(const char *fmt, ...) {
    va_list a;
    va_start(a, fmt);
    fprintf(stderr, "loadgen: ");
    vfprintf(stderr, fmt, a);
    fprintf(stderr, "\n");
    exit(1);
}

// ---------------------------------------------------------------- options
enum { M_ECHO, M_FANOUT, M_ROOMS, M_IDLE };
static const char *mode_name[] = {"echo", "fanout", "rooms", "idle"};
static int mode = M_ECHO, port = 9001, nconns = 100, payload = 20, window = 1, publishers = 1, nrooms = 1, nsrc = 4;
static int inflight_max = 128, join = -1, opcode = 1;
static double rate = 1.0, secs = 5, warmup = 1, hold = 2, after = 0.5, timeout_s = 120, settle = 0.3;
static const char *host = "127.0.0.1", *path = NULL, *label = "", *proto = "ws", *rep = "0";
static const char *extra_headers = "", *msg_tpl = NULL;
static const char *ping_in = NULL, *ping_out = NULL;
static char **tokens; // one per connection
static int use_tls, together, snapshots;
static pid_t pids[64];
static int npids;
typedef struct { const char *expect, *send; } step_t; // wait for frame containing expect (NULL: none), then send
static step_t steps[16];
static int nsteps;

// ---------------------------------------------------------------- state
enum { S_NEW, S_CONN, S_TLS, S_HTTP, S_INIT, S_READY, S_DEAD };
typedef struct {
    int fd;
    u8 state, step;
    u32 room, last_seq;
    u32 to_send;      // frames to send at the next flush
    u32 out_len, out_off, out_cap;
    u32 carry_len, carry_cap;
    u8 *out, *carry;
#ifdef TLS
    SSL *ssl;
#endif
} conn_t;
typedef struct { u64 ts; u32 seq, remaining, owner; u32 pad; } slot_t;

static conn_t *C;
static int ep;
#define RING_BITS 20
static slot_t *ring;
static u32 ring_mask;
static u32 next_seq = 1;
static u64 outstanding;
static u64 deliveries, completed, sent, errors, reorders, skipped, wire_in, recvs, sends;
static u64 expect_per_msg = 1;
static int nready, ninflight, nstarted, ndead;
static int measuring, running;
static u8 *buf;
#define BUFSZ (1 << 20)

// ---------------------------------------------------------------- histogram (ns), 1/64 octave resolution
#define SUB 6
static u64 hist[64 << SUB], hist_n, hist_max;
static double hist_sum;
static inline int hidx(u64 v) {
    if (v < (1u << SUB)) return (int)v;
    int e = 63 - __builtin_clzll(v);
    return ((e - SUB + 1) << SUB) + (int)((v >> (e - SUB)) & ((1 << SUB) - 1));
}
static u64 hval(int i) {
    int o = i >> SUB;
    if (o == 0) return i;
    int e = o + SUB - 1;
    u64 base = (1ull << e) | ((u64)(i & ((1 << SUB) - 1)) << (e - SUB));
    return base + (1ull << (e - SUB)) / 2;
}
static inline void hadd(u64 v) {
    hist[hidx(v)]++;
    hist_n++;
    hist_sum += (double)v;
    if (v > hist_max) hist_max = v;
}
static double hpct(double p) {
    u64 want = (u64)(p * (double)hist_n), c = 0;
    for (int i = 0; i < (64 << SUB); i++)
        if ((c += hist[i]) > want) return (double)hval(i) / 1000.0;
    return (double)hist_max / 1000.0;
}

// ---------------------------------------------------------------- /proc
typedef struct { double run, user, sys; u64 rss_kb, hwm_kb, threads, vol, nvol; } pstat_t;
static u64 grep_u64(const char *txt, const char *key) {
    const char *p = strstr(txt, key);
    return p ? strtoull(p + strlen(key), NULL, 10) : 0;
}
static int slurp(const char *p, char *b, int n) {
    int fd = open(p, O_RDONLY);
    if (fd < 0) return -1;
    int r = 0, k;
    while (r < n - 1 && (k = read(fd, b + r, n - 1 - r)) > 0) r += k;
    b[r] = 0;
    close(fd);
    return r;
}
static pstat_t pstat(void) { // sum over the server's processes and their threads
    pstat_t s = {0};
    char p[300], b[8192];
    double hz = sysconf(_SC_CLK_TCK);
    for (int i = 0; i < npids; i++) {
        snprintf(p, sizeof p, "/proc/%d/stat", pids[i]);
        if (slurp(p, b, sizeof b) < 0) die("server pid %d is gone", pids[i]);
        char *q = strrchr(b, ')');
        unsigned long ut = 0, st = 0;
        sscanf(q + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &st);
        s.user += ut / hz;
        s.sys += st / hz;
        snprintf(p, sizeof p, "/proc/%d/status", pids[i]);
        slurp(p, b, sizeof b);
        s.rss_kb += grep_u64(b, "VmRSS:");
        s.hwm_kb += grep_u64(b, "VmHWM:");
        s.threads += grep_u64(b, "Threads:");
        snprintf(p, sizeof p, "/proc/%d/task", pids[i]);
        DIR *d = opendir(p);
        struct dirent *e;
        while (d && (e = readdir(d))) {
            if (!isdigit((u8)e->d_name[0])) continue;
            snprintf(p, sizeof p, "/proc/%d/task/%s/schedstat", pids[i], e->d_name);
            if (slurp(p, b, sizeof b) > 0) s.run += strtoull(b, NULL, 10) / 1e9; // ns on cpu, exact
            snprintf(p, sizeof p, "/proc/%d/task/%s/status", pids[i], e->d_name);
            if (slurp(p, b, sizeof b) > 0) {
                s.vol += grep_u64(b, "\nvoluntary_ctxt_switches:");
                s.nvol += grep_u64(b, "nonvoluntary_ctxt_switches:");
            }
        }
        if (d) closedir(d);
    }
    return s;
}
static double busy_all(void) { // busy seconds of all cores together
    char b[8192];
    slurp("/proc/stat", b, sizeof b);
    unsigned long long u = 0, n = 0, s = 0, id, io, irq = 0, sirq = 0;
    sscanf(b, "cpu %llu %llu %llu %llu %llu %llu %llu", &u, &n, &s, &id, &io, &irq, &sirq);
    return (double)(u + n + s + irq + sirq) / sysconf(_SC_CLK_TCK);
}
static double self_cpu(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

// ---------------------------------------------------------------- frames
static const u8 MASK[4] = {0xA7, 0x1C, 0x5E, 0x93};
typedef struct { u8 *b; u32 len, seq_off; u8 seq_phase; } tmpl_t;
static tmpl_t *T; // per room

static u32 put_frame(u8 *o, int op, const u8 *p, u32 n) { // masked client frame
    u32 h = 0;
    o[h++] = 0x80 | op;
    if (n < 126) o[h++] = 0x80 | n;
    else if (n < 65536) { o[h++] = 0x80 | 126; o[h++] = n >> 8; o[h++] = n; }
    else { o[h++] = 0x80 | 127; for (int i = 7; i >= 0; i--) o[h++] = i < 4 ? (u8)(n >> (8 * i)) : 0; }
    memcpy(o + h, MASK, 4);
    h += 4;
    for (u32 i = 0; i < n; i++) o[h + i] = p[i] ^ MASK[i & 3];
    return h + n;
}
static char *subst_token(const char *t, const char *room, const char *pay, const char *token) {
    size_t cap = strlen(t) + 64 + (pay ? strlen(pay) : 0) + strlen(room) * 4 + strlen(token), n = 0;
    char *o = malloc(cap);
    for (const char *p = t; *p;) {
        if (!strncmp(p, "{room}", 6)) { n += sprintf(o + n, "%s", room); p += 6; }
        else if (!strncmp(p, "{token}", 7)) { n += sprintf(o + n, "%s", token); p += 7; token = ""; }
        else if (pay && !strncmp(p, "{payload}", 9)) { n += sprintf(o + n, "%s", pay); p += 9; }
        else o[n++] = *p++;
    }
    o[n] = 0;
    return o;
}
static char *subst(const char *t, const char *room, const char *pay) { return subst_token(t, room, pay, ""); }
static void read_tokens(const char *file) {
    static char line[4096];
    FILE *f = fopen(file, "r");
    if (!f) die("%s: %s", file, strerror(errno));
    tokens = calloc(nconns, sizeof *tokens);
    for (int i = 0; i < nconns; i++) {
        if (!fgets(line, sizeof line, f)) die("%s: %d tokens for %d connections", file, i, nconns);
        line[strcspn(line, "\r\n")] = 0;
        if (strlen(line) > 1500) die("%s: token %d is too long", file, i + 1);
        tokens[i] = strdup(line);
    }
    fclose(f);
}
static void build_templates(void) {
    T = calloc(nrooms, sizeof *T);
    char *pay = malloc(payload + 1);
    memset(pay, 'x', payload);
    pay[payload] = 0;
    memcpy(pay, "~00000000", 9);
    for (int r = 0; r < nrooms; r++) {
        char room[32];
        snprintf(room, sizeof room, "r%05d", r);
        char *m = subst(msg_tpl, room, pay);
        u32 n = strlen(m);
        T[r].b = malloc(n + 16);
        T[r].len = put_frame(T[r].b, opcode, (u8 *)m, n);
        u32 off = strchr(m, '~') - m + 1, h = T[r].len - n;
        T[r].seq_off = h + off;
        T[r].seq_phase = off & 3;
        free(m);
    }
    free(pay);
}
static const char HEX[] = "0123456789abcdef";
static inline void put_seq(u8 *frame, const tmpl_t *t, u32 seq) {
    u8 *p = frame + t->seq_off;
    for (int i = 0; i < 8; i++) p[i] = (u8)HEX[(seq >> (28 - 4 * i)) & 15] ^ MASK[(t->seq_phase + i) & 3];
}
static inline u32 get_seq(const u8 *p) {
    u32 v = 0;
    for (int i = 0; i < 8; i++) { u8 c = p[i]; v = v << 4 | ((c & 15) + (c >> 6) * 9); }
    return v;
}

// ---------------------------------------------------------------- io
static void ep_mod(conn_t *c, u32 ev) {
    struct epoll_event e = {.events = ev, .data.u32 = c - C};
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
}
static void shut_conn(conn_t *c) {
#ifdef TLS
    if (c->ssl) SSL_free(c->ssl);
    c->ssl = NULL;
#endif
    close(c->fd);
}
static void kill_conn(conn_t *c, const char *why) {
    if (c->state == S_DEAD) return;
    if (errors++ < 5) fprintf(stderr, "loadgen: conn %ld (state %d): %s (%s)\n", (long)(c - C), c->state, why, strerror(errno));
    if (c->state < S_READY) ninflight--;
    else nready--;
    c->state = S_DEAD;
    ndead++;
    shut_conn(c);
}
#ifdef TLS
static SSL_CTX *tls_context;
static void tls_init(void) {
    signal(SIGPIPE, SIG_IGN);
    if (!(tls_context = SSL_CTX_new(TLS_client_method()))) die("no TLS context");
    SSL_CTX_set_mode(tls_context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(tls_context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(tls_context, SSL_SESS_CACHE_OFF);
}
static ssize_t tls_result(conn_t *c, int k) { // as recv() and send() report it
    if (k > 0) return k;
    switch (SSL_get_error(c->ssl, k)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_SYSCALL: if (!errno) errno = ECONNRESET; return -1;
    default: fprintf(stderr, "loadgen: TLS: %s\n", ERR_error_string(ERR_get_error(), NULL)); errno = EPROTO; return -1;
    }
}
#endif
static inline ssize_t io_send(conn_t *c, const u8 *p, size_t n) {
#ifdef TLS
    if (c->ssl) { ERR_clear_error(); errno = 0; return tls_result(c, SSL_write(c->ssl, p, n)); }
#endif
    return send(c->fd, p, n, MSG_NOSIGNAL);
}
static inline ssize_t io_recv(conn_t *c, u8 *p, size_t n) {
#ifdef TLS
    if (c->ssl) { ERR_clear_error(); errno = 0; return tls_result(c, SSL_read(c->ssl, p, n)); }
#endif
    return recv(c->fd, p, n, 0);
}
static void raw_send(conn_t *c, const u8 *p, u32 n) {
    if (!c->out_len) {
        sends++;
        ssize_t k = io_send(c, p, n);
        if (likely(k == (ssize_t)n)) return;
        if (k < 0) {
            if (errno != EAGAIN) { kill_conn(c, "send"); return; }
            k = 0;
        }
        p += k;
        n -= k;
        ep_mod(c, EPOLLIN | EPOLLOUT);
    }
    if (c->out_len + n > c->out_cap) {
        c->out_cap = (c->out_len + n) * 2;
        c->out = realloc(c->out, c->out_cap);
    }
    memcpy(c->out + c->out_len, p, n);
    c->out_len += n;
}
static void send_text(conn_t *c, const char *s) {
    static u8 tmp[65536];
    u32 n = strlen(s);
    if (n > 60000) die("init message too long");
    raw_send(c, tmp, put_frame(tmp, 1, (const u8 *)s, n));
}
static int flush_out(conn_t *c) {
    ssize_t k = io_send(c, c->out + c->out_off, c->out_len - c->out_off);
    if (k < 0) { if (errno == EAGAIN) return 0; kill_conn(c, "send"); return -1; }
    c->out_off += k;
    if (c->out_off == c->out_len) { c->out_len = c->out_off = 0; ep_mod(c, EPOLLIN); }
    return 0;
}
// send k messages from c, scheduled at ts (0: now)
static u8 *scratch;
static u32 scratch_cap;
static void send_msgs(conn_t *c, u32 k, u64 ts) {
    const tmpl_t *t = &T[c->room];
    u64 need = (u64)k * t->len;
    if (unlikely(need > scratch_cap)) { scratch_cap = need * 2; scratch = realloc(scratch, scratch_cap); }
    u8 *o = scratch;
    if (!ts) ts = now_ns();
    for (u32 i = 0; i < k; i++) {
        u32 seq = next_seq++;
        slot_t *s = &ring[seq & ring_mask];
        if (unlikely(s->remaining)) { // ring overrun: undelivered for a whole lap
            outstanding -= s->remaining;
            errors++;
        }
        s->ts = ts;
        s->seq = seq;
        s->remaining = expect_per_msg;
        s->owner = c - C;
        outstanding += expect_per_msg;
        memcpy(o, t->b, t->len);
        put_seq(o, t, seq);
        o += t->len;
    }
    sent += k;
    raw_send(c, scratch, need);
}

// ---------------------------------------------------------------- protocol
static u32 *dirty; // connections with to_send > 0
static int ndirty;
static void on_ready(conn_t *c) {
    c->state = S_READY;
    nready++;
    ninflight--;
}
static void run_steps(conn_t *c) { // execute sends until the next step waits for something
    while (c->step < nsteps && !steps[c->step].expect) {
        if (steps[c->step].send) {
            char room[32];
            snprintf(room, sizeof room, "r%05d", c->room);
            char *m = subst(steps[c->step].send, room, NULL);
            send_text(c, m);
            free(m);
        }
        c->step++;
    }
    if (c->step >= nsteps) on_ready(c);
}
static inline void on_delivery(conn_t *c, u32 seq, u64 t) {
    slot_t *s = &ring[seq & ring_mask];
    if (unlikely(s->seq != seq || !s->remaining)) { errors++; return; }
    if (measuring) { hadd(t > s->ts ? t - s->ts : 0); deliveries++; }
    s->remaining--;
    outstanding--;
    if (seq < c->last_seq) reorders++;
    c->last_seq = seq;
    if (s->remaining == 0) {
        if (measuring) completed++;
        if (running && mode != M_ROOMS) {
            conn_t *o = &C[s->owner];
            if (o->to_send++ == 0) dirty[ndirty++] = s->owner;
        }
    }
}
static void on_snapshot(conn_t *c, const u8 *p, u32 n, u64 t) {
    const u8 *e = p + n, *first = NULL;
    for (const u8 *q = e; (q = memrchr(p, '~', q - p)) && get_seq(q + 1) != c->last_seq;) first = q;
    for (const u8 *q = first; q && q < e && (q = memchr(q, '~', e - q)); q += payload) on_delivery(c, get_seq(q + 1), t);
}
static void on_frame(conn_t *c, int op, const u8 *p, u32 n, u64 t) {
    if (snapshots && c->state == S_READY && op == 1) {
        on_snapshot(c, p, n, t);
    } else if (likely(c->state == S_READY)) {
        if (likely(op == 1 || op == 2 || op == 0)) {
            const u8 *e = p + n;
            int hit = 0;
            for (const u8 *q = p; q < e && (q = memchr(q, '~', e - q)) && q + 9 <= e; q += payload) {
                on_delivery(c, get_seq(q + 1), t);
                hit = 1;
            }
            if (hit) return;
        }
    } else if (op == 1 || op == 2) {
        step_t *s = &steps[c->step];
        if (c->step < nsteps && s->expect && memmem(p, n, s->expect, strlen(s->expect))) {
            if (s->send) {
                char room[32];
                snprintf(room, sizeof room, "r%05d", c->room);
                char *m = subst(s->send, room, NULL);
                send_text(c, m);
                free(m);
            }
            c->step++;
            run_steps(c);
            return;
        }
    }
    if (op == 9) { // ping
        u8 tmp[256];
        raw_send(c, tmp, put_frame(tmp, 10, p, n > 125 ? 125 : n));
    } else if (op == 8) {
        errno = 0;
        kill_conn(c, "server sent close");
    } else if (ping_in && n == strlen(ping_in) && !memcmp(p, ping_in, n)) send_text(c, ping_out);
}
static void start_conn(int i) {
    conn_t *c = &C[i];
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket: %s (ulimit -n?)", strerror(errno));
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct linger lg = {1, 0}; // RST on close: no TIME_WAIT pile-up between runs
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &lg, sizeof lg);
    struct sockaddr_in a = {.sin_family = AF_INET};
    if (nsrc > 1) {
        setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        a.sin_addr.s_addr = htonl(0x7f000001u + 1 + (u32)(i % nsrc)); // 127.0.0.2 ...
        if (bind(c->fd, (void *)&a, sizeof a)) die("bind: %s", strerror(errno));
    }
    a.sin_port = htons(port);
    inet_pton(AF_INET, host, &a.sin_addr);
    c->state = S_CONN;
    ninflight++;
    if (connect(c->fd, (void *)&a, sizeof a) && errno != EINPROGRESS) { kill_conn(c, "connect"); return; }
    struct epoll_event e = {.events = EPOLLOUT, .data.u32 = i};
    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e);
}
static void send_request(conn_t *c) {
    char req[4096], room[32];
    snprintf(room, sizeof room, "r%05d", c->room);
    char *target = subst_token(path, room, "", tokens ? tokens[c - C] : "");
    int n = snprintf(req, sizeof req,
                     "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                     target, host, port, extra_headers);
    free(target);
    c->state = S_HTTP;
    ep_mod(c, EPOLLIN);
    raw_send(c, (u8 *)req, n);
}
#ifdef TLS
static void tls_step(conn_t *c) {
    ERR_clear_error();
    errno = 0;
    int k = SSL_connect(c->ssl);
    if (k == 1) send_request(c);
    else if (tls_result(c, k) == -1 && errno == EAGAIN) ep_mod(c, SSL_want_write(c->ssl) ? EPOLLOUT : EPOLLIN);
    else kill_conn(c, "TLS handshake");
}
#endif
static void on_connected(conn_t *c) {
    int err = 0;
    socklen_t l = sizeof err;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &l);
    if (err) { errno = err; kill_conn(c, "connect"); return; }
#ifdef TLS
    if (use_tls) {
        if (!(c->ssl = SSL_new(tls_context)) || !SSL_set_fd(c->ssl, c->fd)) die("no TLS session");
        c->state = S_TLS;
        tls_step(c);
        return;
    }
#endif
    send_request(c);
}
static int read_once(conn_t *c) { // whether there was something
    u8 *b = buf;
    u32 have = c->carry_len;
    if (have) memcpy(b, c->carry, have);
    if (unlikely(have > BUFSZ / 2)) die("frame too large");
    ssize_t k = io_recv(c, b + have, BUFSZ - have);
    recvs++;
    if (unlikely(k <= 0)) {
        if (k < 0 && errno == EAGAIN) return 0;
        if (k == 0) errno = 0;
        kill_conn(c, k ? "recv" : "server closed");
        return 0;
    }
    u64 t = now_ns();
    wire_in += k;
    u8 *p = b, *e = b + have + k;
    if (unlikely(c->state == S_HTTP)) {
        u8 *q = memmem(p, e - p, "\r\n\r\n", 4);
        if (q) {
            *q = 0;
            if (!strstr((char *)p, " 101")) { fprintf(stderr, "%.300s\n", (char *)p); errno = 0; kill_conn(c, "no 101"); return 0; }
            if (!strstr((char *)p, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) { errno = 0; kill_conn(c, "bad Sec-WebSocket-Accept"); return 0; }
            if (strcasestr((char *)p, "permessage-deflate")) { errno = 0; kill_conn(c, "unasked extension"); return 0; }
            p = q + 4;
            c->state = S_INIT;
            run_steps(c);
        }
    }
    if (likely(c->state >= S_INIT)) {
        while (e - p >= 2 && c->state != S_DEAD) {
            u64 n = p[1] & 127;
            u32 h = 2;
            if (unlikely(p[1] & 128)) { errno = 0; kill_conn(c, "masked server frame"); return 0; }
            if (n == 126) {
                if (e - p < 4) break;
                n = (u64)p[2] << 8 | p[3];
                h = 4;
            } else if (n == 127) {
                if (e - p < 10) break;
                n = 0;
                for (int i = 0; i < 8; i++) n = n << 8 | p[2 + i];
                h = 10;
            }
            if ((u64)(e - p) < h + n) break;
            on_frame(c, p[0] & 15, p + h, (u32)n, t);
            p += h + n;
        }
    }
    if (c->state == S_DEAD) return 0;
    u32 left = e - p;
    if (unlikely(left)) {
        if (left > c->carry_cap) { c->carry_cap = left * 2 + 64; c->carry = realloc(c->carry, c->carry_cap); }
        memmove(c->carry, p, left);
    }
    c->carry_len = left;
    return 1;
}
static void on_readable(conn_t *c) {
    // a TLS session may hold more than epoll knows of
    while (read_once(c) && use_tls) {}
}
static void flush_dirty(void) {
    for (int i = 0; i < ndirty; i++) {
        conn_t *c = &C[dirty[i]];
        u32 k = c->to_send;
        c->to_send = 0;
        if (c->state == S_READY && running) send_msgs(c, k, 0);
    }
    ndirty = 0;
}
static struct epoll_event evs[4096];
static void poll_once(u64 timeout_ns) {
    struct timespec ts = {.tv_sec = timeout_ns / 1000000000ull, .tv_nsec = timeout_ns % 1000000000ull};
    int n = syscall(SYS_epoll_pwait2, ep, evs, 4096, &ts, NULL, 0);
    if (n < 0 && errno != EINTR) die("epoll: %s", strerror(errno));
    for (int i = 0; i < n; i++) {
        conn_t *c = &C[evs[i].data.u32];
        u32 ev = evs[i].events;
        if (unlikely(c->state == S_DEAD)) continue;
        if (unlikely(c->state == S_CONN)) { on_connected(c); continue; }
#ifdef TLS
        if (unlikely(c->state == S_TLS)) { tls_step(c); continue; }
#endif
        if (unlikely(ev & EPOLLOUT) && c->out_len && flush_out(c)) continue;
        if (likely(ev & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
            on_readable(c);
            // echo: answer at once, so the server's work arrives as the clients' answers would
            if (mode == M_ECHO && ndirty) flush_dirty();
        }
    }
    if (ndirty) flush_dirty();
}

// ---------------------------------------------------------------- main
static void parse_opts(int argc, char **argv) {
    enum { O = 256 };
    static struct option o[] = {
        {"mode", 1, 0, 'm'}, {"proto", 1, 0, 'p'}, {"host", 1, 0, 'h'}, {"port", 1, 0, 'P'}, {"path", 1, 0, 'u'},
        {"conns", 1, 0, 'n'}, {"payload", 1, 0, 'b'}, {"secs", 1, 0, 's'}, {"warmup", 1, 0, 'w'}, {"window", 1, 0, 'W'},
        {"publishers", 1, 0, 'k'}, {"rooms", 1, 0, 'r'}, {"rate", 1, 0, 'R'}, {"pid", 1, 0, 'i'}, {"label", 1, 0, 'l'},
        {"hold", 1, 0, 'H'}, {"timeout", 1, 0, 't'}, {"src", 1, 0, 'S'}, {"inflight", 1, 0, 'f'}, {"no-join", 0, 0, 'J'},
        {"expect", 1, 0, O + 1}, {"send", 1, 0, O + 2}, {"msg", 1, 0, O + 3}, {"ping-in", 1, 0, O + 4}, {"ping-out", 1, 0, O + 5},
        {"header", 1, 0, O + 6}, {"binary", 0, 0, O + 7}, {"rep", 1, 0, O + 8}, {"settle", 1, 0, O + 9},
        {"after", 1, 0, O + 10}, {"tokens", 1, 0, O + 11}, {"tls", 0, 0, O + 12}, {"together", 0, 0, O + 13}, {0}};
    int c;
    const char *pend = NULL, *token_file = NULL;
    while ((c = getopt_long(argc, argv, "", o, NULL)) != -1) switch (c) {
        case 'm': mode = -1; for (int i = 0; i < 4; i++) if (!strcmp(optarg, mode_name[i])) mode = i; if (mode < 0) die("mode?"); break;
        case 'p': proto = optarg; break;
        case 'h': host = optarg; break;
        case 'P': port = atoi(optarg); break;
        case 'u': path = optarg; break;
        case 'n': nconns = atoi(optarg); break;
        case 'b': payload = atoi(optarg); break;
        case 's': secs = atof(optarg); break;
        case 'w': warmup = atof(optarg); break;
        case 'W': window = atoi(optarg); break;
        case 'k': publishers = atoi(optarg); break;
        case 'r': nrooms = atoi(optarg); break;
        case 'R': rate = atof(optarg); break;
        case 'i': for (char *q = strtok(optarg, ","); q; q = strtok(NULL, ",")) if (npids < 64) pids[npids++] = atoi(q); break;
        case 'l': label = optarg; break;
        case 'H': hold = atof(optarg); break;
        case 't': timeout_s = atof(optarg); break;
        case 'S': nsrc = atoi(optarg); break;
        case 'f': inflight_max = atoi(optarg); break;
        case 'J': join = 0; break;
        case O + 1: if (pend) steps[nsteps++] = (step_t){pend, NULL}; pend = optarg; break;
        case O + 2: steps[nsteps++] = (step_t){pend, optarg}; pend = NULL; break;
        case O + 3: msg_tpl = optarg; break;
        case O + 4: ping_in = optarg; break;
        case O + 5: ping_out = optarg; break;
        case O + 6: { char *x; if (asprintf(&x, "%s%s\r\n", extra_headers, optarg) < 0) die("oom"); extra_headers = x; break; }
        case O + 7: opcode = 2; break;
        case O + 8: rep = optarg; break;
        case O + 9: settle = atof(optarg); break;
        case O + 10: after = atof(optarg); break;
        case O + 11: token_file = optarg; break;
        case O + 12: use_tls = 1; break;
        case O + 13: together = 1; break;
        default: exit(2);
    }
    if (pend) steps[nsteps++] = (step_t){pend, NULL};
    if (join < 0) join = mode != M_ECHO;
    int custom = nsteps > 0;
    if (!strcmp(proto, "relay")) { // Parley's relay: the topic is in the path, no join message
        if (!path) path = mode == M_ECHO ? "/relay" : "/relay/{room}";
        if (!msg_tpl) msg_tpl = "{payload}";
        join = 0;
    } else if (!strcmp(proto, "channels")) { // Parley's channel server
        if (!path) path = "/";
        if (!custom) {
            steps[nsteps++] = (step_t){NULL, "{\"type\":\"join\",\"channelId\":\"{room}\"}"};
            steps[nsteps++] = (step_t){"joinSuccess", NULL};
        }
        if (!msg_tpl) msg_tpl = mode == M_ECHO ? "{\"type\":\"ping\",\"data\":\"{payload}\"}" : "{\"type\":\"publish\",\"data\":\"{payload}\"}";
    } else if (!strcmp(proto, "chat")) { // Parley's session chat: who and where are in the token
        if (mode == M_ECHO || !token_file) die("--proto chat: --mode fanout, rooms or idle, and --tokens FILE");
        if (mode == M_ROOMS && nrooms != 1) die("--proto chat: the room is in the token; --rooms 1");
        snapshots = 1;
        if (!path) path = "/?token={token}";
        if (!custom) steps[nsteps++] = (step_t){"connectedUsers", NULL};
        msg_tpl = "{payload}";
    } else if (!strcmp(proto, "ws")) {
        if (!path) path = mode == M_ECHO ? "/echo" : "/room";
        if (!custom && join) { steps[nsteps++] = (step_t){NULL, "join {room}"}; steps[nsteps++] = (step_t){"joined", NULL}; }
        if (!msg_tpl) msg_tpl = "{payload}";
    } else if (!strcmp(proto, "sio")) { // Socket.IO 4 (Engine.IO 4) over WebSocket only
        if (!path) path = "/socket.io/?EIO=4&transport=websocket";
        if (!custom) {
            steps[nsteps++] = (step_t){"0{", "40"};
            if (join) { steps[nsteps++] = (step_t){"40{", "42[\"join\",\"{room}\"]"}; steps[nsteps++] = (step_t){"joined", NULL}; }
            else steps[nsteps++] = (step_t){"40{", NULL};
        }
        if (!msg_tpl) msg_tpl = mode == M_ECHO ? "42[\"echo\",\"{payload}\"]" : "42[\"msg\",\"{payload}\"]";
        if (!ping_in) { ping_in = "2"; ping_out = "3"; }
    } else if (!strcmp(proto, "cf")) { // Centrifuge JSON protocol
        if (!path) path = "/connection/websocket";
        if (!custom) {
            steps[nsteps++] = (step_t){NULL, "{\"id\":1,\"connect\":{}}"};
            if (join) {
                steps[nsteps++] = (step_t){"\"connect\"", "{\"id\":2,\"subscribe\":{\"channel\":\"{room}\"}}"};
                steps[nsteps++] = (step_t){"\"subscribe\"", NULL};
            } else steps[nsteps++] = (step_t){"\"connect\"", NULL};
        }
        if (!msg_tpl) msg_tpl = mode == M_ECHO ? "{\"id\":3,\"rpc\":{\"data\":\"{payload}\"}}"
                                               : "{\"id\":3,\"publish\":{\"channel\":\"{room}\",\"data\":\"{payload}\"}}";
        if (!ping_in) { ping_in = "{}"; ping_out = "{}"; }
    } else if (!path || !msg_tpl) die("--proto relay|channels|chat|ws|sio|cf, or --path and --msg");
    if (payload < 10) die("payload must be >= 10");
    if (mode == M_FANOUT) { nrooms = 1; expect_per_msg = nconns; }
    else if (mode == M_ROOMS) { if (nconns % nrooms) die("conns must be a multiple of rooms"); expect_per_msg = nconns / nrooms; }
    else nrooms = 1;
    if (publishers > nconns) publishers = nconns;
    if (token_file) read_tokens(token_file);
#ifdef TLS
    if (use_tls) tls_init();
#else
    if (use_tls) die("built without -DTLS");
#endif
}

int main(int argc, char **argv) {
    parse_opts(argc, argv);
    prctl(PR_SET_TIMERSLACK, 1000);
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    if ((u64)nconns + 20 > rl.rlim_cur) die("conns %d over ulimit -n %lu", nconns, (unsigned long)rl.rlim_cur);
    C = calloc(nconns, sizeof *C);
    dirty = malloc(nconns * sizeof *dirty);
    u64 ringsz = 1 << 14;
    u64 want = mode == M_ROOMS ? (u64)(rate * nconns * 4) : (u64)nconns * window * 2;
    while (ringsz < want && ringsz < (1u << RING_BITS)) ringsz <<= 1;
    ring = calloc(ringsz, sizeof *ring);
    ring_mask = ringsz - 1;
    buf = malloc(BUFSZ + 64);
    build_templates();
    ep = epoll_create1(EPOLL_CLOEXEC);

    u64 t_begin = now_ns(), hard = t_begin + (u64)(timeout_s * 1e9);
    pstat_t p0 = pstat();
    double b0 = busy_all(), c0 = self_cpu();
    for (int i = 0; i < nconns; i++) C[i].room = i % nrooms;
    // ---- connect
    while (nready + ndead < nconns) {
        while (nstarted < nconns && ninflight < inflight_max) start_conn(nstarted++);
        poll_once(10000000);
        if (ndead > 100 || now_ns() > hard) die("connect phase: ready %d dead %d of %d", nready, ndead, nconns);
    }
    u64 t_conn = now_ns();
    pstat_t p1 = pstat();
    double c1 = self_cpu(), conn_s = (t_conn - t_begin) / 1e9;
    if (ndead) die("%d connections failed", ndead);
    // ---- run
    u64 t0 = 0, t1 = 0, next_i = 0;
    pstat_t pa = p1, pb = p1, pc = p1;
    double ba = b0, bb, ca = c1, cb;
    u64 until = now_ns() + (u64)((mode == M_IDLE ? hold : settle) * 1e9);
    while (now_ns() < until) poll_once(5000000);
    if (mode != M_IDLE) {
        running = 1;
        u64 start = now_ns(), m0 = start + (u64)(warmup * 1e9), m1 = m0 + (u64)(secs * 1e9), t;
        if (mode == M_ECHO) for (int i = 0; i < nconns; i++) { send_msgs(&C[i], window, 0); if (i % 64 == 63) poll_once(0); }
        if (mode == M_FANOUT) for (int i = 0; i < publishers; i++) send_msgs(&C[i], window, 0);
        double gap = 1e9 / (rate * (together ? 1 : nconns));
        u64 per_gap = together ? nconns : 1;
        u64 last_prog = start, last_out = 0;
        u64 sent0 = 0, comp0 = 0, rx0 = 0, tx0 = 0, w0 = 0;
        for (;;) {
            t = now_ns();
            if (!measuring && t >= m0 && t < m1) {
                measuring = 1;
                t0 = now_ns();
                pa = pstat(); ba = busy_all(); ca = self_cpu();
                sent0 = sent; comp0 = completed; rx0 = recvs; tx0 = sends; w0 = wire_in;
            }
            if (t >= m1) break;
            if (t > hard) die("hard timeout");
            if (mode == M_ROOMS) {
                u64 due = start + (u64)(next_i / per_gap * gap);
                int burst = 0;
                while (due <= t && burst < 256) {
                    conn_t *c = &C[next_i % nconns];
                    if (c->state == S_READY) {
                        if (ring[next_seq & ring_mask].remaining) { skipped++; }
                        else send_msgs(c, 1, due);
                    }
                    due = start + (u64)(++next_i / per_gap * gap);
                    burst++;
                }
                t = now_ns();
                poll_once(due > t ? (due - t > 1000000 ? 1000000 : due - t) : 0);
            } else poll_once(20000000);
            if (outstanding != last_out) { last_out = outstanding; last_prog = t; }
            else if (t - last_prog > 10000000000ull && mode != M_ROOMS) die("stalled: %lu deliveries missing", outstanding);
            if (ndead > 10) die("too many dead connections");
        }
        t1 = now_ns();
        measuring = 0;
        running = 0;
        pb = pstat(); bb = busy_all(); cb = self_cpu();
        sent -= sent0; completed -= comp0; recvs -= rx0; sends -= tx0; wire_in -= w0;
        u64 dl = now_ns() + 2000000000ull; // drain what is outstanding: checks that nothing was lost
        while (outstanding && now_ns() < dl) poll_once(5000000);
    } else {
        pb = pstat(); bb = busy_all(); cb = self_cpu();
        t0 = t_begin; t1 = now_ns();
        if (ndead) die("%d connections were closed while held", ndead);
        for (int i = 0; i < nconns; i++) shut_conn(&C[i]);
        struct timespec pause = {.tv_sec = (time_t)after, .tv_nsec = (long)((after - (time_t)after) * 1e9)};
        nanosleep(&pause, NULL);
        pc = pstat();
    }
    double w = (t1 - t0) / 1e9, cpu = pb.run - pa.run, hs_cpu = p1.run - p0.run;
    printf("{\"label\":\"%s\",\"rep\":%s,\"mode\":\"%s\",\"proto\":\"%s\",\"conns\":%d,\"payload\":%d,\"frame\":%u", label, rep,
           mode_name[mode], proto, nconns, payload, T[0].len);
    printf(",\"conn_s\":%.3f,\"hs_per_s\":%.0f,\"hs_cpu_us\":%.2f,\"hs_cli_cpu_us\":%.2f", conn_s, nconns / conn_s,
           hs_cpu / nconns * 1e6, (c1 - c0) / nconns * 1e6);
    printf(",\"rss_before_kb\":%lu,\"rss_after_kb\":%lu,\"rss_per_conn_b\":%.0f,\"threads\":%lu", p0.rss_kb, pb.rss_kb,
           ((double)pb.rss_kb - (double)p0.rss_kb) * 1024 / nconns, pb.threads);
    if (mode == M_IDLE) printf(",\"rss_closed_kb\":%lu,\"rss_kept_mib\":%.2f", pc.rss_kb, ((double)pc.rss_kb - (double)p0.rss_kb) / 1024);
    if (mode != M_IDLE) {
        if (mode == M_FANOUT || mode == M_ECHO) printf(",\"window\":%d", window);
        if (mode == M_FANOUT) printf(",\"publishers\":%d", publishers);
        if (mode == M_ROOMS) printf(",\"rooms\":%d,\"rate_each\":%g,\"offered_deliv_per_s\":%.0f,\"skipped\":%lu", nrooms, rate,
                                    rate * nconns * expect_per_msg, skipped);
        printf(",\"secs\":%.3f,\"msgs\":%lu,\"deliveries\":%lu,\"msgs_per_s\":%.0f,\"deliv_per_s\":%.0f", w, sent, deliveries,
               sent / w, deliveries / w);
        printf(",\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,\"mean_us\":%.1f", hpct(.5), hpct(.99), hpct(.999),
               hist_max / 1e3, hist_n ? hist_sum / hist_n / 1e3 : 0);
        printf(",\"srv_cpu_s\":%.4f,\"srv_user_s\":%.2f,\"srv_sys_s\":%.2f,\"cpu_s_per_M\":%.4f,\"srv_util\":%.3f", cpu,
               pb.user - pa.user, pb.sys - pa.sys, deliveries ? cpu / deliveries * 1e6 : 0, cpu / w);
        printf(",\"cli_cpu_s\":%.3f,\"cli_util\":%.3f,\"other_util\":%.3f", cb - ca, (cb - ca) / w,
               (bb - ba - cpu - (cb - ca)) / w);
        printf(",\"deliv_per_recv\":%.2f,\"wire_B_per_deliv\":%.1f,\"srv_vcsw_per_kmsg\":%.2f", recvs ? (double)deliveries / recvs : 0,
               deliveries ? (double)wire_in / deliveries : 0, sent ? (pb.vol - pa.vol) * 1e3 / sent : 0);
        printf(",\"lost\":%lu,\"reorders\":%lu", outstanding, mode == M_ROOMS ? 0 : reorders);
    }
    printf(",\"errors\":%lu}\n", errors);
    return errors || outstanding ? 3 : 0;
}
