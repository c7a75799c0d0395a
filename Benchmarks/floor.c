// floor.c - lower bound: the least a single-threaded epoll WebSocket echo/room server can do (no timeouts, no
// fragmentation, no UTF-8 check, no close handshake). Rooms: all messages of one loop turn are serialised once into the
// room's buffer and every member gets one send() of it per turn.  gcc -O3 -march=native -o floor floor.c
//   FLOOR_CC=cubic|reno|bbr   set TCP_CONGESTION on accepted sockets
//   FLOOR_URING=1             fan-out sends go through one io_uring submission per turn (raw syscalls)
//   FLOOR_NOBATCH=1           one send per message per member, at once (what a naive server does)
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifndef IORING_SETUP_SINGLE_ISSUER // kernel headers before 6.1
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif
#ifndef IOSQE_CQE_SKIP_SUCCESS // before 5.17
#define IOSQE_CQE_SKIP_SUCCESS (1U << 6)
#endif
typedef uint8_t u8; typedef uint32_t u32; typedef uint64_t u64;
typedef struct conn { int fd, room, idx; u8 up, echo; u32 clen; u8 *carry; u8 *out; u32 olen, ooff, ocap; } conn;
typedef struct { char name[32]; conn **m; int n, cap; u8 *buf; u32 len, bcap; int dirty; } room;
static room rooms[65536]; static int nrooms, dirty[65536], ndirty, ep, nobatch, uring;
static conn *byfd[1 << 20];
static u8 rb[1 << 20];
// ---- sha1 + base64
static void sha1b64(const char *s, int n, char *out) {
    u32 h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0}; u8 m[256] = {0}; memcpy(m, s, n); m[n] = 0x80;
    int L = ((n + 8) / 64 + 1) * 64; for (int i = 0; i < 8; i++) m[L - 1 - i] = (u64)n * 8 >> (8 * i);
    for (int o = 0; o < L; o += 64) { u32 w[80]; for (int i = 0; i < 16; i++) w[i] = m[o+4*i] << 24 | m[o+4*i+1] << 16 | m[o+4*i+2] << 8 | m[o+4*i+3];
        for (int i = 16; i < 80; i++) { u32 x = w[i-3]^w[i-8]^w[i-14]^w[i-16]; w[i] = x << 1 | x >> 31; }
        u32 a=h[0],b=h[1],c=h[2],d=h[3],e=h[4];
        for (int i = 0; i < 80; i++) { u32 f,k; if (i<20) f=(b&c)|(~b&d),k=0x5A827999; else if (i<40) f=b^c^d,k=0x6ED9EBA1; else if (i<60) f=(b&c)|(b&d)|(c&d),k=0x8F1BBCDC; else f=b^c^d,k=0xCA62C1D6;
            u32 t=(a<<5|a>>27)+f+e+k+w[i]; e=d; d=c; c=b<<30|b>>2; b=a; a=t; }
        h[0]+=a; h[1]+=b; h[2]+=c; h[3]+=d; h[4]+=e; }
    u8 g[21]; for (int i = 0; i < 20; i++) g[i] = h[i/4] >> (24 - 8*(i&3)); g[20]=0;
    static const char T[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < 7; i++) { u32 v = g[3*i] << 16 | g[3*i+1] << 8 | (i<6?g[3*i+2]:0); for (int j = 0; j < 4; j++) *out++ = T[v >> (18-6*j) & 63]; }
    out[-1] = '='; *out = 0;
}
// ---- io_uring
static int ufd; static u32 *sq_tail, *sq_head, *sq_mask, *sq_arr, *cq_head, *cq_tail, *cq_mask; static struct io_uring_sqe *sqes; static struct io_uring_cqe *cqes; static u32 sq_n;
#define USQ 4096
static void uring_init(void) {
    struct io_uring_params p = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE, .cq_entries = USQ * 2};
    ufd = syscall(SYS_io_uring_setup, USQ, &p); if (ufd < 0) { perror("io_uring"); exit(1); }
    u8 *r = mmap(0, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ufd, IORING_OFF_SQ_RING);
    u8 *c = mmap(0, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ufd, IORING_OFF_CQ_RING);
    sqes = mmap(0, p.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ufd, IORING_OFF_SQES);
    sq_tail = (u32 *)(r + p.sq_off.tail); sq_head = (u32 *)(r + p.sq_off.head); sq_mask = (u32 *)(r + p.sq_off.ring_mask); sq_arr = (u32 *)(r + p.sq_off.array);
    cq_head = (u32 *)(c + p.cq_off.head); cq_tail = (u32 *)(c + p.cq_off.tail); cq_mask = (u32 *)(c + p.cq_off.ring_mask); cqes = (void *)(c + p.cq_off.cqes);
}
static void uring_submit(void) { // submit all and reap failures (successes post no CQE)
    while (sq_n) { int k = syscall(SYS_io_uring_enter, ufd, sq_n, 0, IORING_ENTER_GETEVENTS, NULL, 0); if (k < 0) { if (errno == EINTR) continue; perror("enter"); exit(1); } sq_n -= k; }
    u32 h = *cq_head, t = __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE);
    while (h != t) { struct io_uring_cqe *q = &cqes[h & *cq_mask]; if (q->res < 0 && q->res != -EPIPE && q->res != -ECONNRESET) fprintf(stderr, "uring send %d\n", q->res); h++; }
    __atomic_store_n(cq_head, h, __ATOMIC_RELEASE);
}
static void uring_send(int fd, const void *b, u32 n) {
    if (sq_n == USQ) uring_submit();
    u32 t = *sq_tail, i = t & *sq_mask; struct io_uring_sqe *s = &sqes[i]; memset(s, 0, sizeof *s);
    s->opcode = IORING_OP_SEND; s->fd = fd; s->addr = (u64)b; s->len = n; s->msg_flags = MSG_NOSIGNAL | MSG_WAITALL; s->flags = IOSQE_CQE_SKIP_SUCCESS;
    sq_arr[i] = i; __atomic_store_n(sq_tail, t + 1, __ATOMIC_RELEASE); sq_n++;
}
static void csend(conn *c, const u8 *b, u32 n) {
    if (!c->olen) { ssize_t k = send(c->fd, b, n, MSG_NOSIGNAL); if (k == (ssize_t)n) return; if (k < 0) { if (errno != EAGAIN) return; k = 0; } b += k; n -= k;
        struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.fd = c->fd}; epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e); }
    if (c->olen + n > c->ocap) c->out = realloc(c->out, c->ocap = (c->olen + n) * 2);
    memcpy(c->out + c->olen, b, n); c->olen += n;
}
static void cflush(conn *c) { ssize_t k = send(c->fd, c->out + c->ooff, c->olen - c->ooff, MSG_NOSIGNAL); if (k < 0) return; c->ooff += k; if (c->ooff == c->olen) { c->ooff = c->olen = 0; struct epoll_event e = {.events = EPOLLIN, .data.fd = c->fd}; epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e); } }
static void cclose(conn *c) { if (c->room >= 0) { room *r = &rooms[c->room]; r->m[c->idx] = r->m[--r->n]; r->m[c->idx]->idx = c->idx; } byfd[c->fd] = 0; close(c->fd); free(c->carry); free(c->out); free(c); }
static u32 hdr(u8 *o, int op, u64 n) { o[0] = 0x80 | op; if (n < 126) { o[1] = n; return 2; } if (n < 65536) { o[1] = 126; o[2] = n >> 8; o[3] = n; return 4; } o[1] = 127; for (int i = 0; i < 8; i++) o[2+i] = n >> (56-8*i); return 10; }
static u8 eb[1 << 21];
static int on_data(conn *c, u8 *p, u8 *e) { // returns bytes left, -1 close
    if (!c->up) {
        u8 *q = memmem(p, e - p, "\r\n\r\n", 4); if (!q) return e - p; *q = 0;
        char *k = strcasestr((char *)p, "sec-websocket-key:"); // a plain request: as a backend it has to answer those, too
        if (!k) { csend(c, (u8 *)"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38); p = q + 4; return p == e ? 0 : on_data(c, p, e); }
        k += 18; while (*k == ' ') k++;
        char kk[128]; snprintf(kk, sizeof kk, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", k); char acc[40]; sha1b64(kk, strlen(kk), acc);
        char o[256]; int n = snprintf(o, sizeof o, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", acc);
        c->echo = !strncmp((char *)p, "GET /echo", 9); c->up = 1; csend(c, (u8 *)o, n); p = q + 4;
    }
    u32 el = 0;
    while (e - p >= 6) {
        u64 n = p[1] & 127; u32 h = 6; int op = p[0] & 15;
        if (n == 126) { if (e - p < 8) break; n = p[2] << 8 | p[3]; h = 8; } else if (n == 127) { if (e - p < 14) break; n = 0; for (int i = 0; i < 8; i++) n = n << 8 | p[2+i]; h = 14; }
        if ((u64)(e - p) < h + n) break;
        if (op == 8) return -1;
        u32 mk; memcpy(&mk, p + h - 4, 4); u64 mk8 = mk | (u64)mk << 32; u8 *d = p + h;
        if (op == 1 || op == 2) {
            if (!c->echo && c->room < 0) { for (u64 i = 0; i < n; i++) d[i] ^= (mk >> (8*(i&3))); char nm[32] = {0}; memcpy(nm, d + 5, n - 5 < 31 ? n - 5 : 31);
                int i; for (i = 0; i < nrooms && strcmp(rooms[i].name, nm); i++)
                    ;
                if (i == nrooms) { nrooms++; strcpy(rooms[i].name, nm); }
                room *r = &rooms[i]; if (r->n == r->cap) r->m = realloc(r->m, (r->cap = r->cap * 2 + 16) * sizeof *r->m); c->room = i; c->idx = r->n; r->m[r->n++] = c; csend(c, (u8 *)"\x81\x06joined", 8);
            } else {
                u8 *o; room *r = 0;
                if (c->echo) { if (el + n + 14 > sizeof eb) { csend(c, eb, el); el = 0; } o = eb + el; }
                else { r = &rooms[c->room]; if (r->len + n + 22 > r->bcap) r->buf = realloc(r->buf, r->bcap = (r->len + n + 22) * 2); o = r->buf + r->len; }
                u32 hl = hdr(o, op, n); u8 *w = o + hl; u64 i = 0;
                for (; i + 8 <= n; i += 8) { u64 v; memcpy(&v, d + i, 8); v ^= mk8; memcpy(w + i, &v, 8); }
                for (; i < n; i++) w[i] = d[i] ^ (mk >> (8*(i&3)));
                if (c->echo) el += hl + n;
                else if (nobatch) { for (int i = 0; i < r->n; i++) csend(r->m[i], o, hl + n); }
                else { r->len += hl + n; if (!r->dirty) { r->dirty = 1; dirty[ndirty++] = c->room; } }
            }
        }
        p += h + n;
    }
    if (el) csend(c, eb, el);
    return e - p;
}
int main(int argc, char **argv) {
    int port = atoi(argv[1]); nobatch = getenv("FLOOR_NOBATCH") != 0; uring = getenv("FLOOR_URING") != 0; char *cc = getenv("FLOOR_CC"); if (uring) uring_init();
    struct rlimit rl; getrlimit(RLIMIT_NOFILE, &rl); rl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &rl);
    int one = 1, l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, 4);
    if (cc && setsockopt(l, IPPROTO_TCP, TCP_CONGESTION, cc, strlen(cc))) perror("TCP_CONGESTION"); // inherited by accepted sockets
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)};
    if (bind(l, (void *)&a, sizeof a) || listen(l, 4096)) { perror("bind"); return 1; }
    ep = epoll_create1(0); struct epoll_event e = {.events = EPOLLIN, .data.fd = l}, ev[1024]; epoll_ctl(ep, EPOLL_CTL_ADD, l, &e);
    fprintf(stderr, "listening %d\n", port);
    for (;;) {
        int n = epoll_wait(ep, ev, 1024, -1);
        for (int i = 0; i < n; i++) {
            int fd = ev[i].data.fd;
            if (fd == l) { for (int k = 0; k < 64; k++) { int f = accept4(l, 0, 0, SOCK_NONBLOCK); if (f < 0) break; setsockopt(f, IPPROTO_TCP, TCP_NODELAY, &one, 4); conn *c = calloc(1, sizeof *c); c->fd = f; c->room = -1; byfd[f] = c; struct epoll_event e = {.events = EPOLLIN, .data.fd = f}; epoll_ctl(ep, EPOLL_CTL_ADD, f, &e); } continue; }
            conn *c = byfd[fd]; if (!c) continue;
            if ((ev[i].events & EPOLLOUT) && c->olen) cflush(c);
            if (!(ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
            if (c->clen) memcpy(rb, c->carry, c->clen);
            ssize_t k = recv(fd, rb + c->clen, 524288, 0);
            if (k <= 0) { if (k == 0 || errno != EAGAIN) cclose(c); continue; }
            int left = on_data(c, rb, rb + c->clen + k);
            if (left < 0) { cclose(c); continue; }
            if (left) { c->carry = realloc(c->carry, left); memcpy(c->carry, rb + (c->clen + k) - left, left); }
            c->clen = left;
        }
        for (int i = 0; i < ndirty; i++) { room *r = &rooms[dirty[i]]; r->dirty = 0;
            if (uring) for (int j = 0; j < r->n; j++) uring_send(r->m[j]->fd, r->buf, r->len);
            else for (int j = 0; j < r->n; j++) csend(r->m[j], r->buf, r->len); }
        if (uring && ndirty) uring_submit();
        for (int i = 0; i < ndirty; i++) rooms[dirty[i]].len = 0;
        ndirty = 0;
    }
}
