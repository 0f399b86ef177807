/* The load of a run with very many connections, inside the guest of benches/million/run:
 *
 *     generator CONNECTIONS ADDRESSES MEMBERS -- the server and its options
 *
 * It starts the server, logs in so many connections as members m0, m1 and so on in turns, has one message said, compares
 * what each connection is sent with what the first of them got, byte by byte, and stops the server. Each of so many addresses
 * of the server takes an equal part of the connections, because an address of a client has 64,000 ports for each of them.
 *
 * In C, not in Rust like the other benches: under user-mode-linux a system call costs 20 to 40 microseconds, so all of them
 * go through io_uring, some thousand in one call. Its rings are shared memory, which Rust calls unsafe, and that is kept to two
 * files of the server.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PORT = 7667,
    BATCH = 4096,      /* calls in one io_uring_enter, and sockets that are read at a time */
    READ = 1024,       /* of each; the rest comes with the next read */
    KNOCKING = 256,    /* connections that are not logged in yet */
    PATIENCE = 120     /* seconds without progress */
};

/* What a call is for. The connection is in the lower bits. */
enum { SOCKET, CONNECT, LOGIN, WATCH, RECEIVE, CLOSE };

enum state { NEW, GREETED, IN, GONE };

struct connection {
    int fd;
    uint32_t has; /* of what all are sent after OK LOGIN, in bytes */
    uint8_t state;
};

static struct connection *all;
static long asked, opened, knocking, in, gone, lost, wrong, with_all;
/* What the first to get it was sent, and how much of that there is so far. */
static char sent[1 << 16];
static long sent_len;
static double last_at; /* when somebody had all of it last */

static struct sockaddr_in *addresses;
static long addresses_len;
static char (*logins)[64];
static long members;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* A line of the result. `run` shows those that begin so. */
static void tell(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    printf("million: ");
    vprintf(format, list);
    printf("\n");
    fflush(stdout);
    va_end(list);
}

static void fail(const char *what)
{
    tell("FAILED: %s: %s", what, strerror(errno));
    exit(1);
}

/* ---- io_uring, without a library ---- */

static struct {
    int fd;
    unsigned *sq_head, *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
    unsigned unsubmitted;
    long reading; /* RECEIVEs that are not done */
} ring;

static void ring_make(void)
{
    struct io_uring_params params = {.flags = IORING_SETUP_CQSIZE, .cq_entries = 8 * BATCH};
    ring.fd = syscall(__NR_io_uring_setup, BATCH, &params);
    if (ring.fd < 0)
        fail("io_uring_setup");
    size_t sq = params.sq_off.array + params.sq_entries * sizeof(unsigned);
    size_t cq = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
    char *rings = mmap(0, sq > cq ? sq : cq, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
    ring.sqes = mmap(0, params.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd,
                     IORING_OFF_SQES);
    if (rings == MAP_FAILED || ring.sqes == MAP_FAILED)
        fail("mmap");
    ring.sq_head = (unsigned *)(rings + params.sq_off.head);
    ring.sq_tail = (unsigned *)(rings + params.sq_off.tail);
    ring.sq_mask = (unsigned *)(rings + params.sq_off.ring_mask);
    ring.sq_array = (unsigned *)(rings + params.sq_off.array);
    ring.cq_head = (unsigned *)(rings + params.cq_off.head);
    ring.cq_tail = (unsigned *)(rings + params.cq_off.tail);
    ring.cq_mask = (unsigned *)(rings + params.cq_off.ring_mask);
    ring.cqes = (struct io_uring_cqe *)(rings + params.cq_off.cqes);
}

static void ring_enter(unsigned wait_for)
{
    if (!ring.unsubmitted && !wait_for)
        return;
    int flags = wait_for ? IORING_ENTER_GETEVENTS : 0;
    int taken = syscall(__NR_io_uring_enter, ring.fd, ring.unsubmitted, wait_for, flags, NULL, 0);
    if (taken < 0 && errno != EINTR && errno != EAGAIN && errno != EBUSY)
        fail("io_uring_enter");
    ring.unsubmitted -= taken > 0 ? taken : 0;
}

static struct io_uring_sqe *ring_call(int opcode, uint64_t purpose, long connection, int fd)
{
    while (*ring.sq_tail - __atomic_load_n(ring.sq_head, __ATOMIC_ACQUIRE) > *ring.sq_mask)
        ring_enter(0);
    unsigned at = *ring.sq_tail & *ring.sq_mask;
    struct io_uring_sqe *call = &ring.sqes[at];
    memset(call, 0, sizeof *call);
    call->opcode = opcode;
    call->fd = fd;
    call->user_data = purpose << 56 | (uint64_t)connection;
    ring.sq_array[at] = at;
    __atomic_store_n(ring.sq_tail, *ring.sq_tail + 1, __ATOMIC_RELEASE);
    ring.unsubmitted++;
    return call;
}

/* ---- the connections ---- */

static int watched; /* epoll of all sockets: it says which ones to read */
static struct epoll_event events[BATCH];
static char (*read_into)[READ];

static void open_next(void)
{
    long number = opened++;
    knocking++;
    all[number].fd = -1;
    struct io_uring_sqe *call = ring_call(IORING_OP_SOCKET, SOCKET, number, AF_INET);
    call->off = SOCK_STREAM;
}

/* There is a socket: connects it, says who it is, and watches it. */
static void enter(long number, int fd)
{
    if (fd < 0) {
        errno = -fd;
        fail("a socket");
    }
    all[number].fd = fd;
    struct io_uring_sqe *call = ring_call(IORING_OP_CONNECT, CONNECT, number, fd);
    call->addr = (uintptr_t)&addresses[number % addresses_len];
    call->off = sizeof *addresses;
    call->flags = IOSQE_IO_LINK;
    const char *login = logins[number % members];
    call = ring_call(IORING_OP_SEND, LOGIN, number, fd);
    call->addr = (uintptr_t)login;
    call->len = strlen(login);
    call->msg_flags = MSG_NOSIGNAL;
    call->flags = IOSQE_IO_LINK;
    static struct epoll_event watch[2 * BATCH];
    struct epoll_event *event = &watch[number % (2 * BATCH)];
    *event = (struct epoll_event){.events = EPOLLIN, .data.u64 = number};
    call = ring_call(IORING_OP_EPOLL_CTL, WATCH, number, watched);
    call->addr = (uintptr_t)event;
    call->len = EPOLL_CTL_ADD;
    call->off = fd;
}

static void leave(long number, const char *why)
{
    struct connection *connection = &all[number];
    if (connection->state == GONE)
        return;
    if (connection->state == IN)
        in--;
    else
        knocking--;
    if (why && lost++ < 5)
        tell("connection %ld is lost: %s", number, why);
    gone++;
    connection->state = GONE;
    ring_call(IORING_OP_CLOSE, CLOSE, number, connection->fd);
}

/* HELLO, then OK LOGIN. A read may end anywhere, but a line's first bytes come together. */
static int greet(long number, const char *bytes, int len)
{
    struct connection *connection = &all[number];
    int at = 0;
    while (at < len && connection->state != IN) {
        const char *end = memchr(bytes + at, '\n', len - at);
        const char *wanted = connection->state == NEW ? "HELLO " : "OK LOGIN ";
        if (!end || strncmp(bytes + at, wanted, strlen(wanted))) {
            tell("connection %ld is greeted by %.*s", number, len, bytes);
            leave(number, "no greeting");
            return len;
        }
        at = end - bytes + 1;
        connection->state++;
    }
    if (connection->state == IN) {
        knocking--;
        in++;
    }
    return at;
}

static void compare(long number, const char *bytes, int len)
{
    struct connection *connection = &all[number];
    long known = sent_len - connection->has;
    if (known < len) {
        if (sent_len + len > (long)sizeof sent)
            fail("more was sent than expected");
        memcpy(sent + sent_len, bytes + known, len - known);
        sent_len += len - known;
        with_all = 0;
    }
    if (memcmp(sent + connection->has, bytes, len)) {
        if (wrong++ < 5)
            tell("connection %ld was sent %.*s", number, len, bytes);
    }
    connection->has += len;
    if (connection->has == sent_len) {
        with_all++;
        last_at = now();
    }
}

static void received(long number, const char *bytes, int len)
{
    if (len <= 0) {
        leave(number, all[number].has == sent_len && sent_len ? NULL : len ? strerror(-len) : "its end, too early");
        return;
    }
    int at = all[number].state == IN ? 0 : greet(number, bytes, len);
    if (at < len)
        compare(number, bytes + at, len - at);
}

static void collect(void)
{
    unsigned head = *ring.cq_head;
    for (; head != __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE); head++) {
        struct io_uring_cqe done = ring.cqes[head & *ring.cq_mask];
        __atomic_store_n(ring.cq_head, head + 1, __ATOMIC_RELEASE);
        long number = done.user_data & 0xffffffffffffff;
        switch (done.user_data >> 56) {
        case SOCKET:
            enter(number, done.res);
            break;
        case CONNECT:
            if (done.res < 0)
                leave(number, strerror(-done.res));
            break;
        case RECEIVE: {
            unsigned slot = number;
            ring.reading--;
            if (all[events[slot].data.u64].state != GONE)
                received(events[slot].data.u64, read_into[slot], done.res);
            break;
        }
        default: /* a login or a watch of a connection that has failed, or a close */
            break;
        }
    }
}

/* Reads what has come, and connects as many as there should be. */
static void turn(void)
{
    while (opened < asked && knocking < KNOCKING)
        open_next();
    ring_enter(0);
    collect();
    int ready = epoll_wait(watched, events, BATCH, knocking ? 1 : 20);
    for (int slot = 0; slot < ready; slot++) {
        struct io_uring_sqe *call =
            ring_call(IORING_OP_RECV, RECEIVE, slot, all[events[slot].data.u64].fd);
        call->addr = (uintptr_t)read_into[slot];
        call->len = READ;
        call->msg_flags = MSG_DONTWAIT;
        ring.reading++;
    }
    while (ring.reading) {
        ring_enter(1);
        collect();
    }
}

/* ---- the server, and a connection that asks ---- */

static pid_t server;

static int ask(int fd, const char *line, const char *answer, const char *name, char *found, size_t size)
{
    static char text[1 << 16];
    size_t len = 0;
    if (write(fd, line, strlen(line)) != (ssize_t)strlen(line))
        fail("asking");
    for (;;) {
        ssize_t more = read(fd, text + len, sizeof text - 1 - len);
        if (more <= 0)
            fail(line);
        text[len += more] = 0;
        char *end = strstr(text, answer);
        if (end && strchr(end, '\n')) {
            char *value = name ? strstr(text, name) : end;
            snprintf(found, size, "%.*s", value ? (int)strcspn(value, "\n") : 0, value ? value : "");
            return 1;
        }
        if (strstr(text, "ERR ")) {
            tell("FAILED: %s: %s", line, text);
            exit(1);
        }
    }
}

static long stat_of(int fd, const char *figure)
{
    char name[64], found[256];
    snprintf(name, sizeof name, "STAT %s ", figure);
    ask(fd, "STATS\n", "OK STATS ", name, found, sizeof found);
    return atol(found + strlen(name));
}

static int asker(void)
{
    char login[80], found[256];
    for (int tries = 0; tries < 1000; tries++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (!connect(fd, (struct sockaddr *)addresses, sizeof *addresses)) {
            snprintf(login, sizeof login, "LOGIN admin@b.c/- bench-password\n");
            ask(fd, login, "OK LOGIN ", NULL, found, sizeof found);
            return fd;
        }
        close(fd);
        usleep(20000);
    }
    fail("the server does not listen");
    return -1;
}

/* KiB of the server's memory. */
static long resident(const char *which)
{
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", server);
    FILE *status = fopen(path, "r");
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, which, strlen(which)))
            kib = atol(line + strlen(which));
    if (status)
        fclose(status);
    return kib;
}

/* Turns until so many are in, or have all that was sent; fails if nothing more happens. */
static void until(const long *count, long wanted, const char *what)
{
    double progress = now();
    for (long before = *count; *count < wanted;) {
        turn();
        if (*count != before) {
            before = *count;
            progress = now();
        } else if (now() - progress > PATIENCE) {
            tell("FAILED: %s: %ld of %ld, %ld lost", what, *count, wanted, lost);
            exit(1);
        }
    }
}

static void connect_all(int admin, long connections)
{
    long before = resident("VmRSS:");
    double start = now();
    stat_of(admin, "longest-turn-us");
    for (int tenth = 1; tenth <= 10; tenth++) {
        asked = connections * tenth / 10;
        until(&in, asked - lost, "logged in");
        tell("%ld logged in after %.0f s, server %ld KiB", in, now() - start, resident("VmRSS:"));
    }
    /* Buffers of logins are given back. */
    for (double settled = now() + 5; now() < settled;)
        turn();
    long after = resident("VmRSS:");
    tell("memory: %.1f bytes a connection, %ld KiB in all, %ld before them", (after - before) * 1024.0 / in, after,
         before);
    tell("longest turn while they connected: %ld us; connections by STATS: %ld", stat_of(admin, "longest-turn-us"),
         stat_of(admin, "connections"));
}

static void one_message(int admin)
{
    char found[256], line[256], time[64];
    const char *text = "the quick brown fox jumps over the lazy dog";
    unsigned long number;
    double start = now();
    snprintf(line, sizeof line, "MSG %s\n", text);
    ask(admin, line, "OK MSG ", NULL, found, sizeof found);
    double answered = now();
    until(&sent_len, 1, "the first has the message");
    until(&with_all, in, "have the message");
    if (sscanf(found, "OK MSG %lu %63s", &number, time) != 2)
        fail(found);
    int len = snprintf(line, sizeof line, "MSG %lu %s admin@b.c %s\n", number, time, text);
    if (len != sent_len || memcmp(line, sent, len))
        wrong++;
    tell("message: OK after %.3f s, the last of %ld has it after %.1f s, %ld wrong, server %ld KiB", answered - start,
         with_all, last_at - start, wrong, resident("VmRSS:"));
    tell("longest turn for it: %ld us", stat_of(admin, "longest-turn-us"));
}

static int stop(void)
{
    long before = resident("VmRSS:"), most = before, told = with_all, inside = in, has_before = sent_len;
    int status = 0, ended = 0;
    double start = now(), exited = 0, progress = now();
    kill(server, SIGTERM);
    for (long left = in; in > 0 && now() - progress < PATIENCE;) {
        turn();
        long kib = resident("VmRSS:");
        most = kib > most ? kib : most;
        if (!ended && waitpid(server, &status, WNOHANG) == server) {
            ended = 1;
            exited = now() - start;
        }
        if (in != left) {
            left = in;
            progress = now();
        }
    }
    if (!ended) {
        waitpid(server, &status, 0);
        exited = now() - start;
    }
    told = sent_len > has_before ? with_all : 0;
    tell("SIGTERM: %ld of %ld told %.*s, the last after %.1f s; the server ended after %.1f s with %s %d", told, inside,
         (int)(sent_len - has_before > 1 ? sent_len - has_before - 1 : 0), sent + has_before, last_at - start, exited,
         WIFEXITED(status) ? "code" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    tell("server's memory before that: %ld KiB, at most while it went on: %ld KiB", before, most);
    return told == inside && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
    if (argc < 6 || strcmp(argv[4], "--"))
        return 2;
    long connections = atol(argv[1]);
    addresses_len = atol(argv[2]);
    members = atol(argv[3]);
    all = calloc(connections, sizeof *all);
    addresses = calloc(addresses_len, sizeof *addresses);
    logins = calloc(members, sizeof *logins);
    read_into = calloc(BATCH, READ);
    if (!all || !addresses || !logins || !read_into)
        fail("memory");
    for (long i = 0; i < addresses_len; i++)
        addresses[i] = (struct sockaddr_in){.sin_family = AF_INET,
                                            .sin_port = htons(PORT),
                                            .sin_addr.s_addr = htonl(0x7f010001 + (i / 200 << 8) + i % 200)};
    for (long i = 0; i < members; i++)
        snprintf(logins[i], sizeof logins[i], "LOGIN m%ld@b.c bench-password\n", i);
    watched = epoll_create1(EPOLL_CLOEXEC);
    ring_make();
    server = fork();
    if (!server) {
        execv(argv[5], argv + 5);
        _exit(127);
    }
    int admin = asker();
    connect_all(admin, connections);
    one_message(admin);
    int told_all = stop();
    tell("%s", told_all && !lost && !wrong ? "all is right" : "FAILED");
    return !(told_all && !lost && !wrong);
}
