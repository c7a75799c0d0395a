// sendcost.c - what one loopback TCP send()/recv() of a small WebSocket frame costs in a bare C loop.
//   gcc -O3 -march=native -pthread -o sendcost sendcost.c ;  taskset -c 0,1 ./sendcost [N sockets=1000] [rounds=60]
// Sender pinned to core 0. "nobody": no one waits on the receiving sockets (drained by the same thread between rounds).
// "epoll idle/hot": the receiving sockets sit in an epoll of a thread on core 1, which reads them (real fan-out).
// Figures are ns per operation: median and minimum over rounds (a round = N operations).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#ifndef IORING_SETUP_SINGLE_ISSUER // kernel headers before 6.1
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif
#ifndef IOSQE_CQE_SKIP_SUCCESS // before 5.17
#define IOSQE_CQE_SKIP_SUCCESS (1U << 6)
#endif
typedef uint64_t u64; typedef uint32_t u32; typedef uint8_t u8;
static u64 now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }
static int N = 1000, tx[20000], rx[20000];
static char big[1 << 20];
static int cmp(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return x < y ? -1 : x > y; }
static double smp[100000]; static int ns;
static void rep(const char *what) { qsort(smp, ns, sizeof *smp, cmp); printf("%-58s median %8.0f ns   p10 %8.0f   min %8.0f\n", what, smp[ns/2], smp[ns/10], smp[0]); fflush(stdout); ns = 0; }
static void pin(int c) { cpu_set_t s; CPU_ZERO(&s); CPU_SET(c, &s); sched_setaffinity(0, sizeof s, &s); }
static void mkpairs(const char *cc) {
    int one = 1, l = socket(AF_INET, SOCK_STREAM, 0); struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)}; socklen_t al = sizeof a;
    if (cc) setsockopt(l, IPPROTO_TCP, TCP_CONGESTION, cc, strlen(cc));
    bind(l, (void *)&a, sizeof a); listen(l, 4096); getsockname(l, (void *)&a, &al);
    for (int i = 0; i < N; i++) { rx[i] = socket(AF_INET, SOCK_STREAM, 0); if (cc) setsockopt(rx[i], IPPROTO_TCP, TCP_CONGESTION, cc, strlen(cc)); if (connect(rx[i], (void *)&a, sizeof a)) { perror("connect"); exit(1); } tx[i] = accept(l, 0, 0);
        setsockopt(tx[i], IPPROTO_TCP, TCP_NODELAY, &one, 4); setsockopt(rx[i], IPPROTO_TCP, TCP_NODELAY, &one, 4); struct linger lg = {1, 0}; setsockopt(rx[i], SOL_SOCKET, SO_LINGER, &lg, sizeof lg); }
    close(l);
}
static void rmpairs(void) { for (int i = 0; i < N; i++) { close(rx[i]); close(tx[i]); } }
static void drain(void) { for (int i = 0; i < N; i++) while (recv(rx[i], big, sizeof big, MSG_DONTWAIT) > 0); }
// receiver thread
static volatile int stop_rx; static int spin; static volatile u64 rxbytes;
static void *rxthread(void *x) { pin(1); int ep = epoll_create1(0); struct epoll_event e = {.events = EPOLLIN}, ev[1024]; static char b[1 << 18];
    for (int i = 0; i < N; i++) { e.data.fd = rx[i]; epoll_ctl(ep, EPOLL_CTL_ADD, rx[i], &e); }
    while (!stop_rx) { int n = epoll_wait(ep, ev, 1024, spin ? 0 : 20); for (int i = 0; i < n; i++) { ssize_t k = recv(ev[i].data.fd, b, sizeof b, MSG_DONTWAIT); if (k > 0) rxbytes += k; } }
    close(ep); return 0; }
// io_uring
static int ufd; static u32 *sqt, *sqm, *sqa, *cqh, *cqt; static struct io_uring_sqe *sqes;
static int uring_init(int n) { struct io_uring_params p = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN}; ufd = syscall(SYS_io_uring_setup, n, &p); if (ufd < 0) return -1;
    u8 *r = mmap(0, p.sq_off.array + p.sq_entries * 4, 3, MAP_SHARED | MAP_POPULATE, ufd, IORING_OFF_SQ_RING), *c = mmap(0, p.cq_off.cqes + p.cq_entries * 16, 3, MAP_SHARED | MAP_POPULATE, ufd, IORING_OFF_CQ_RING);
    sqes = mmap(0, p.sq_entries * 64, 3, MAP_SHARED | MAP_POPULATE, ufd, IORING_OFF_SQES); sqt = (u32 *)(r + p.sq_off.tail); sqm = (u32 *)(r + p.sq_off.ring_mask); sqa = (u32 *)(r + p.sq_off.array); cqh = (u32 *)(c + p.cq_off.head); cqt = (u32 *)(c + p.cq_off.tail); return 0; }
static void uring_round(int len) { u32 q = 0; for (int i = 0; i < N; i++) { u32 t = *sqt, k = t & *sqm; struct io_uring_sqe *s = &sqes[k]; memset(s, 0, sizeof *s); s->opcode = IORING_OP_SEND; s->fd = tx[i]; s->addr = (u64)big; s->len = len; s->msg_flags = MSG_NOSIGNAL; s->flags = IOSQE_CQE_SKIP_SUCCESS; sqa[k] = k; __atomic_store_n(sqt, t + 1, __ATOMIC_RELEASE);
        if (++q == 1024 || i == N - 1) { syscall(SYS_io_uring_enter, ufd, q, 0, IORING_ENTER_GETEVENTS, NULL, 0); q = 0; } } __atomic_store_n(cqh, *cqt, __ATOMIC_RELEASE); }
enum { SEND, WRITE, WRITEV2, SENDMSG2, URING };
static void round1(int how, int len) {
    struct iovec v[2] = {{big, 2}, {big + 2, len - 2}}; struct msghdr m = {.msg_iov = v, .msg_iovlen = 2}; ssize_t r = 0;
    switch (how) {
    case SEND: for (int i = 0; i < N; i++) r |= send(tx[i], big, len, MSG_NOSIGNAL | MSG_DONTWAIT); break;
    case WRITE: for (int i = 0; i < N; i++) r |= write(tx[i], big, len); break;
    case WRITEV2: for (int i = 0; i < N; i++) r |= writev(tx[i], v, 2); break;
    case SENDMSG2: for (int i = 0; i < N; i++) r |= sendmsg(tx[i], &m, MSG_NOSIGNAL | MSG_DONTWAIT); break;
    case URING: uring_round(len); break; }
    if (r < 0) { fprintf(stderr, "send failed %s\n", strerror(errno)); }
}
static void bench(const char *what, int how, int len, int rounds) {
    for (int r = 0; r < rounds; r++) { u64 t = now(); round1(how, len); smp[ns++] = (double)(now() - t) / N; drain(); }
    rep(what);
}
static void bench_rx(const char *what, int how, int len, int rounds, int gap_us, int hot) {
    stop_rx = 0; spin = hot; rxbytes = 0; pthread_t th; pthread_create(&th, 0, rxthread, 0); usleep(100000); u64 want = 0;
    for (int r = 0; r < rounds; r++) { u64 t = now(); round1(how, len); smp[ns++] = (double)(now() - t) / N; want += (u64)len * N; u64 lim = now() + 2000000000ull; while (rxbytes < want && now() < lim) { if (gap_us) usleep(gap_us); } }
    stop_rx = 1; pthread_join(th, 0); rep(what);
}
int main(int argc, char **argv) {
    if (argc > 1) N = atoi(argv[1]);
    pin(0); memset(big, 'x', sizeof big);
    struct rlimit rl; getrlimit(RLIMIT_NOFILE, &rl); rl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &rl);
    int R = argc > 2 ? atoi(argv[2]) : 60;
    for (int r = 0; r < R; r++) { u64 t = now(); for (int i = 0; i < 1000; i++) syscall(SYS_getppid); smp[ns++] = (now() - t) / 1000.0; } rep("null syscall (getppid)");
    for (int r = 0; r < R; r++) { u64 t = now(); for (int i = 0; i < 1000; i++) now(); smp[ns++] = (now() - t) / 1000.0; } rep("clock_gettime (vdso)");
    const char *ccs[] = {"bbr", "cubic"};
    for (int c = 0; c < 2; c++) {
        char b[200]; mkpairs(ccs[c]);
#define T(fmt) (snprintf(b, sizeof b, "[%s] " fmt, ccs[c]), b)
        bench(T("send() 22 B, nobody waiting"), SEND, 22, R);
        bench(T("write() 22 B, nobody waiting"), WRITE, 22, R);
        bench(T("writev() 2+20 B, nobody waiting"), WRITEV2, 22, R);
        bench(T("sendmsg() 2+20 B, nobody waiting"), SENDMSG2, 22, R);
        if (c == 0 && uring_init(4096)) puts("no io_uring");
        bench(T("io_uring SEND x1024/submit 22 B, nobody waiting"), URING, 22, R);
        bench(T("send() 352 B (16 frames in one), nobody waiting"), SEND, 352, R);
        bench(T("send() 1026 B, nobody waiting"), SEND, 1026, R);
        bench(T("send() 4096 B, nobody waiting"), SEND, 4096, R);
        bench(T("send() 16384 B, nobody waiting"), SEND, 16384, R);
        bench_rx(T("send() 22 B, receiver in epoll_wait (sleeping) on core 1"), SEND, 22, R, 0, 0);
        bench_rx(T("send() 22 B, receiver spinning in epoll on core 1"), SEND, 22, R, 0, 1);
        bench_rx(T("io_uring SEND 22 B, receiver in epoll_wait on core 1"), URING, 22, R, 0, 0);
        bench_rx(T("send() 1026 B, receiver in epoll_wait on core 1"), SEND, 1026, R, 0, 0);
        // receiving side
        for (int r = 0; r < R; r++) { round1(SEND, 22); u64 t = now(); for (int i = 0; i < N; i++) recv(rx[i], big, 65536, MSG_DONTWAIT); smp[ns++] = (double)(now() - t) / N; } rep(T("recv() 22 B that is there"));
        for (int r = 0; r < R; r++) { u64 t = now(); for (int i = 0; i < N; i++) recv(rx[i], big, 65536, MSG_DONTWAIT); smp[ns++] = (double)(now() - t) / N; } rep(T("recv() with nothing there (EAGAIN)"));
        int ep = epoll_create1(0); struct epoll_event e = {.events = EPOLLIN}, ev[1024]; for (int i = 0; i < N; i++) { e.data.fd = rx[i]; epoll_ctl(ep, EPOLL_CTL_ADD, rx[i], &e); }
        for (int r = 0; r < R; r++) { round1(SEND, 22); u64 t = now(); int got = 0; while (got < N) { int k = epoll_wait(ep, ev, 1024, 100); if (k <= 0) break; got += k; for (int i = 0; i < k; i++) recv(ev[i].data.fd, big, 65536, MSG_DONTWAIT); } smp[ns++] = (double)(now() - t) / N; drain(); } rep(T("epoll_wait (batches) + recv() 22 B"));
        close(ep);
        rmpairs();
    }
    return 0;
}
