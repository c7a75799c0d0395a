// The least a proxy can do: bytes from a client to a backend and back with splice(2), one epoll loop, no parsing.
//   splice PORT BACKEND_PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct end { int fd, pipe[2]; size_t held; struct end *peer; } end; // the pipe holds what was read here for the peer
static int ep;

static void watch(end *e, int op, unsigned events) {
    struct epoll_event v = {.events = events, .data.ptr = e};
    epoll_ctl(ep, op, e->fd, &v);
}

static end *make(int fd) {
    end *e = calloc(1, sizeof *e);
    int one = 1;
    e->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (pipe2(e->pipe, O_NONBLOCK)) { perror("pipe2"); exit(1); }
    return e;
}

static void drop(end *e) {
    end *both[2] = {e, e->peer};
    for (int i = 0; i < 2; i++) {
        if (both[i]->fd < 0) continue;
        close(both[i]->fd); close(both[i]->pipe[0]); close(both[i]->pipe[1]);
        both[i]->fd = -1;
    }
}

// Moves what is there; returns 0 when the connection is over.
static int move(end *from) {
    end *to = from->peer;
    for (;;) {
        if (!from->held) {
            ssize_t n = splice(from->fd, 0, from->pipe[1], 0, 1 << 16, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            if (n == 0) return 0;
            if (n < 0) return errno == EAGAIN || errno == EINTR;
            from->held = n;
        }
        ssize_t n = splice(from->pipe[0], 0, to->fd, 0, from->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        from->held -= n;
        if (!from->held) return 1; // as most messages come alone, the next read would find nothing
    }
}

int main(int argc, char **argv) {
    if (argc != 3) { fprintf(stderr, "splice PORT BACKEND_PORT\n"); return 2; }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files); files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in there = here;
    there.sin_port = htons(atoi(argv[2]));
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&here, sizeof here) || listen(listener, 4096)) { perror("bind"); return 1; }
    ep = epoll_create1(0);
    end door = {.fd = listener};
    watch(&door, EPOLL_CTL_ADD, EPOLLIN);
    struct epoll_event events[512];
    for (;;) {
        int n = epoll_wait(ep, events, 512, -1);
        for (int i = 0; i < n; i++) {
            end *e = events[i].data.ptr;
            if (e == &door) {
                int fd = accept4(listener, 0, 0, SOCK_NONBLOCK), back = socket(AF_INET, SOCK_STREAM, 0);
                if (fd < 0) { close(back); continue; }
                if (connect(back, (void *)&there, sizeof there)) { close(fd); close(back); continue; }
                fcntl(back, F_SETFL, O_NONBLOCK);
                end *client = make(fd), *backend = make(back);
                client->peer = backend; backend->peer = client;
                watch(client, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT | EPOLLET);
                watch(backend, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT | EPOLLET);
                continue;
            }
            if (e->fd < 0) continue;
            if (!move(e) || (e->peer->held && !move(e->peer))) drop(e);
        }
    }
}
