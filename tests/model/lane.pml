/* SPDX-License-Identifier: MIT
 *
 * lane.pml -- does a lane ever lose a request, a connection, or its driver?
 *
 * In:  one lane; CONNS connections whose clients send 1..REQUESTS requests each, and then FIN; THREADS threads,
 *      of which one drives the lane and the others rest in the thread cache; the watcher; the acceptor.
 * Out: no error, or the shortest story of how the rule that a mutation removes was needed.
 *
 * What is checked:
 *   - one driver at a time; the lane's fields are touched by the driver only (assert in DRIVER);
 *   - one thread serves a connection at a time; nobody touches a connection that has been freed;
 *   - when nothing moves any more (final), the lane has a driver, every other thread rests in the cache, each
 *     request was answered (unless its connection was closed before it), and each connection has been freed.
 *     So no edge, no hand-back, no wake-up and no lane can have been lost on the way.
 *
 * What is left to the other models: the Context (context.pml) and the end of a server (shutdown.pml). In none of them:
 * deadlines, publishers, and the order of memory accesses, which are taken to happen one after the other (seq_cst).
 *
 * How to read it: an `atomic` block is one step. Only what other processes can see costs a step: what the driver does to
 * fields that are its alone is put into the step next to it. Names follow the C++: enter,
 * leave, take over and give away are Wheel's, the steps 1 to 4 are Lane::drive's.
 *
 * Configurations (-D): CONNS, THREADS, REQUESTS, BUFFER (requests that fill the receive buffer);
 *   ACCEPT    connections come from the acceptor, through `returns` (else they are there from the start)
 *   BLOCK     the handler of connection 0 blocks, unannounced, until connection 1 has been answered
 *   GIVE      a handler may announce that it blocks: give away
 *   HANGUP    the handler of the last connection may wait until its client has left
 *   CLOSE     a handler may want its connection closed after the answer (verdict: close)
 *   BODY      a handler may read on in its own thread
 *   STAY      a client may stay after its last request: no FIN comes to the rescue of a forgotten event
 * Mutations (-DM_...): each removes one rule. See `check` for the list and for what must catch it.
 */
#ifndef CONNS
#define CONNS 2
#endif
#ifndef THREADS
#define THREADS 3
#endif
#ifndef REQUESTS
#define REQUESTS 1
#endif
#ifndef BUFFER
#define BUFFER 2
#endif
#define LAST (CONNS - 1)

/* ---- The kernel: edge-triggered epoll. An edge is a bit; harvesting it reports the state at that time. ---- */
byte unread[CONNS];      /* requests in the socket's receive buffer */
bit  fin[CONNS];         /* the client has sent FIN */
bit  edge[CONNS];        /* an event that epoll_wait has not reported yet */
bit  registered[CONNS];
bit  eventfd_edge;       /* the lane's eventfd was written (edge-triggered, never read) */

/* ---- A connection, lane side: the driver's alone, so nothing here is atomic in C++. ---- */
#define UNBORN     0
#define NEW        1     /* pushed by the acceptor, not yet in epoll */
#define IDLE       2
#define READY      3     /* on the lane's ready list */
#define IN_SERVICE 4
#define GRAVE      5     /* ended; on the grave list until the batch is used up */
byte state[CONNS];
bit  pending[CONNS];     /* an event came while it was ready or in service */
bit  hang_up[CONNS];     /* RDHUP was reported */

/* ---- A connection, service side: touched by the one thread that serves it. ---- */
byte kept[CONNS];        /* complete requests among the bytes read */
bit  undrained[CONNS];   /* the last recv filled its buffer, or a hang-up was noted: the socket may hold more */
bit  verdict[CONNS];     /* 1: close */
bit  gone[CONNS];        /* its request's Context is cancelled; how, is context.pml's matter */

/* ---- The lane. ---- */
byte word;               /* only grows; odd: in a call */
bit  returns[CONNS];     /* the stack; a connection is in it at most once, so a set will do */
bit  asleep;
byte batch[CONNS];       /* 0: not in what is left of the batch; 1: IN; 2: IN|RDHUP. Slots are taken in any order */
#define BATCH_IN    1
#define BATCH_RDHUP 2

/* ---- The watcher and the thread cache. ---- */
bit  watching = 1;       /* the watcher's flag: 0 means that it sleeps on it */
bit  resting[THREADS];   /* in the cache */
bit  job[THREADS];       /* has been told to drive the lane */

/* ---- What only the proof knows. ---- */
#define NOBODY 255
byte driver = NOBODY;
bit  alive[CONNS];       /* the memory is there */
byte serving[CONNS];     /* threads in its service side */
byte sent[CONNS];
byte answered[CONNS];
bit  closed_by_us[CONNS];

#define DRIVER   assert(driver == me)
#define IN_CALL  (word & 1)
#if CONNS > 1
#define ANY(a)   (a[0] || a[1])
#define SOME_READY (state[0] == READY || state[1] == READY)
#else
#define ANY(a)   (a[0])
#define SOME_READY (state[0] == READY)
#endif

/* Threads at rest are alike, so the first one is taken. */
#if THREADS > 2
#define THREAD_TO_BE_HAD ANY_RESTING
#define ANY_RESTING (resting[0] || resting[1] || resting[2])
#else
#define THREAD_TO_BE_HAD (resting[0] || resting[1])
#endif
inline take_thread(t) {
  t = 0;
  do
  :: resting[t] -> resting[t] = 0; break
  :: else -> t++
  od
}

/* A CAS of the word by whoever takes the lane away: `spare` drives from now on, or goes back to the cache. */
inline detach_or_return(seen, spare) {
  if
  :: word == seen -> word++; driver = NOBODY; job[spare] = 1
  :: else -> resting[spare] = 1
  fi
}

/* Hand a connection to the lane: any thread, no lock. */
inline push(c) {
  atomic { assert(!returns[c]); returns[c] = 1 };      /* CAS on the head, seq_cst */
  if
  :: asleep -> eventfd_edge = 1                        /* seq_cst load, then write(eventfd) */
  :: else
  fi
}

proctype client(byte c) {
  byte k = 0;
  do
  :: k < REQUESTS -> atomic { unread[c]++; sent[c]++; k++; if :: registered[c] -> edge[c] = 1 :: else fi }
  :: atomic { k > 0 -> fin[c] = 1; if :: registered[c] -> edge[c] = 1 :: else fi; break }
#ifdef STAY
  :: k == REQUESTS -> break
#endif
  od
}

proctype acceptor() {
  byte c = 0;
  do
  :: c < CONNS -> atomic { alive[c] = 1; state[c] = NEW }; push(c); c++
  :: else -> break
  od
}

/* Ticks that would change nothing are left out: a process that spins for ever would hide that nothing else moves. */
proctype watcher() {
  byte seen; byte spare;
  do
#ifdef M_THREAD_AFTER_CAS
  :: atomic { IN_CALL -> seen = word };
     atomic {
       if :: word == seen -> word++; driver = NOBODY :: else -> goto next fi };
     atomic { if :: THREAD_TO_BE_HAD -> take_thread(spare); job[spare] = 1 :: else fi };   /* EAGAIN */
next:
     atomic { seen = 0; spare = 0 }
#else
  :: atomic { IN_CALL && THREAD_TO_BE_HAD -> seen = word; take_thread(spare) };            /* a thread in hand first */
     atomic { detach_or_return(seen, spare); seen = 0; spare = 0 }                         /* take over */
#endif
  :: atomic { !IN_CALL && watching -> watching = 0 };           /* quiet for 20 ticks: flag = 0 (seq_cst), then look */
#ifndef M_WATCHER_NO_RECHECK
     if
     :: !asleep -> watching = 1; (IN_CALL || asleep)            /* the lane is awake: stay */
     :: else ->
#endif
end_futex:
        (watching)
#ifndef M_WATCHER_NO_RECHECK
     fi
#endif
  od
}

#ifdef M_PENDING_FORGOTTEN
#define PENDING(c) 0
#else
#define PENDING(c) pending[c]
#endif
#ifdef M_FULL_READ_DRAINS
#define UNDRAINED(c) 0
#else
#define UNDRAINED(c) undrained[c]
#endif
#ifdef M_SHORT_READ_IGNORES_FIN
#define HANG_UP(c) 0
#else
#define HANG_UP(c) hang_up[c]
#endif

/* Step 2: take `returns` whole and sort it at once; nothing in here runs user code. Then bury what has ended. */
inline sort_returns() {
  i = 0;
  do
  :: i < CONNS ->
     if
     :: !returns[i]
     :: returns[i] ->
        returns[i] = 0; assert(alive[i]);
        if
        :: state[i] == NEW ->                                    /* EPOLL_CTL_ADD reports what is there already */
           registered[i] = 1; edge[i] = (unread[i] > 0 || fin[i]); state[i] = IDLE
        :: else ->
           assert(state[i] == IN_SERVICE && serving[i] == 0);
           gone[i] = 0;
           if
           :: verdict[i] -> state[i] = GRAVE
           :: !verdict[i] && (PENDING(i) || HANG_UP(i) || kept[i] > 0 || UNDRAINED(i)) -> state[i] = READY
           :: else -> state[i] = IDLE
           fi
        fi
     fi;
     i++
  :: else -> break
  od;
  i = 0
}

/* The batch is used up, so no event that names the connection is left: DEL, close, free. */
inline bury() {
  i = 0;
  do
  :: i < CONNS ->
     if
     :: state[i] == GRAVE -> DRIVER; assert(alive[i] && serving[i] == 0);
        registered[i] = 0; edge[i] = 0; alive[i] = 0; state[i] = UNBORN;
        pending[i] = 0; hang_up[i] = 0; kept[i] = 0; undrained[i] = 0
     :: else
     fi;
     i++
  :: else -> break
  od;
  i = 0
}

inline harvest() {
  eventfd_edge = 0; i = 0;
  do
  :: i < CONNS ->
     if :: edge[i] -> edge[i] = 0; batch[i] = (fin[i] -> BATCH_RDHUP : BATCH_IN) :: else fi;
     i++
  :: else -> break
  od;
  i = 0
}

#define STEP_1 255            /* where a served connection came from: the batch, or place `at` of the ready list */

proctype thread(byte me) {
  byte c; byte mine; bit detached; byte i; byte spare; byte at;
#ifdef M_READY_LOCAL
  bit my_ready[CONNS];                                           /* a thread's own list is lost with the lane */
#endif
in_cache:
end_cache:
  atomic { job[me] -> job[me] = 0; assert(driver == NOBODY); driver = me };

/* 1: the batch. It is the lane's: a new driver goes on where the old one stood. */
step_1:
  do
  :: atomic {
       ANY(batch) -> DRIVER; at = STEP_1;
#ifdef M_RETURNS_IN_BATCH
       sort_returns(); bury();
#endif
       if
       :: batch[0] -> c = 0
#if CONNS > 1
       :: batch[1] -> c = 1
#endif
       fi;
       assert(alive[c]);
       if
       :: batch[c] == BATCH_RDHUP -> hang_up[c] = 1; if :: state[c] == IN_SERVICE -> gone[c] = 1 :: else fi
       :: else
       fi;
       batch[c] = 0;
       if
       :: state[c] == IDLE -> goto serve
       :: state[c] == READY || state[c] == IN_SERVICE -> pending[c] = 1
       fi        /* no other: a wait reports each connection once, so one that ended in step 1 is not met again */
     }
  :: else -> break
  od;

/* 2: returns, graves. (Stop, shed requests and deadlines: the other models.) */
  atomic { DRIVER; sort_returns(); bury(); at = 0 };

/* 3: each connection that is now in the ready list, once. */
step_3:
#ifdef M_READY_LOCAL
  atomic { i = 0; do :: i < CONNS -> if :: state[i] == READY && at == 0 -> my_ready[i] = 1; state[i] = IN_SERVICE :: else fi; i++
                     :: else -> break od; i = 0 };
#define ON_READY_LIST(c) my_ready[c]
#else
#define ON_READY_LIST(c) (state[c] == READY)
#endif
  do
  :: atomic { at < CONNS && ON_READY_LIST(at) -> DRIVER; c = at; at++;
#ifdef M_READY_LOCAL
       my_ready[c] = 0;
#endif
       goto serve }
  :: atomic { at < CONNS && !ON_READY_LIST(at) -> at++ }
  :: atomic { at >= CONNS -> at = 0; break }
  od;

/* 4: wait. What ended in step 3 is buried before, not after: the wait may be long and the client waits for its FIN. */
#ifndef M_GRAVES_WAIT
  atomic { DRIVER; bury() };
#endif
  if
#ifndef M_SLEEPS_OVER_READY
  :: atomic { SOME_READY -> harvest(); goto step_1 }             /* epoll_wait(0); asleep stays 0 */
#endif
  :: else
  fi;
  asleep = 1;                                                    /* seq_cst */
#ifndef M_NO_RECHECK_BEFORE_SLEEP
  if
#ifdef M_RECHECK_NO_WAKE
  :: ANY(returns) -> asleep = 0; goto step_1
#else
  :: ANY(returns) -> asleep = 0; goto woke                       /* *every* asleep = 0 looks at the watcher after it */
#endif
  :: else
  fi;
#endif
end_epoll_wait:
  atomic { (eventfd_edge || ANY(edge)) -> harvest() };
  asleep = 0;                                                    /* seq_cst */
woke:
#ifndef M_DRIVER_NO_WAKE
  if :: !watching -> watching = 1 :: else fi;                    /* seq_cst load; futex wake */
#endif
  goto step_1;

/* The word is even; c is in our hands. */
serve:
  atomic { DRIVER; assert(alive[c] && serving[c] == 0); state[c] = IN_SERVICE;
#ifdef M_PENDING_CLEARED_EARLY
    pending[c] = 0
#endif
  };
serve_on:
  atomic {
    DRIVER;
    if
    :: kept[c] > 0
    :: kept[c] == 0 && unread[c] > 0 ->                          /* recv: only a recv answers to a pending event */
       pending[c] = 0;
       if
       :: unread[c] >= BUFFER -> kept[c] = BUFFER; unread[c] = unread[c] - BUFFER; undrained[c] = 1
       :: else -> kept[c] = unread[c]; unread[c] = 0; undrained[c] = 0
       fi
    :: kept[c] == 0 && unread[c] == 0 && fin[c] -> state[c] = GRAVE; goto served             /* recv = 0 */
    :: else -> undrained[c] = 0; pending[c] = 0; state[c] = IDLE; goto served                /* EAGAIN */
    fi
  };
  /* Enter. The batch slot is taken, the connection is ours: whoever takes over finds the lane in order. */
  atomic { DRIVER; gone[c] = hang_up[c]; word++; mine = word; serving[c]++; assert(serving[c] == 1) };

/* ---- The guarded call: nothing of the lane may be touched from here to a successful leave. ---- */
  atomic { kept[c]--; assert(alive[c]) };
  if
#ifdef BLOCK
  :: c == 0 -> (answered[LAST] > 0)                              /* blocks, and the watcher has to find out */
  :: c != 0 -> skip
#else
  :: skip
#endif
#ifdef GIVE
  :: atomic { THREAD_TO_BE_HAD -> take_thread(spare) };          /* with no thread to be had it blocks in place */
     atomic { detach_or_return(mine, spare); detached = 1; spare = 0 };          /* give away: detached either way */
     if :: c == 0 && CONNS > 1 -> (answered[LAST] > 0) :: else fi
#endif
#ifdef HANGUP
  :: c == LAST -> (gone[c])
#endif
#ifdef BODY
  :: atomic { unread[c] > 0 -> kept[c] = kept[c] + unread[c]; unread[c] = 0; undrained[c] = 0 }
#endif
  fi;
  atomic {
    assert(alive[c]); answered[c]++; serving[c]--;
#ifdef CLOSE
    if :: skip :: c == LAST -> verdict[c] = 1; closed_by_us[c] = 1 fi
#endif
  };

  /* Leave. */
  atomic {
    if
    :: detached
    :: !detached && word == mine -> word++
    :: else -> detached = 1
    fi;
    mine = 0
  };
  if
  :: detached ->
#if defined(M_DETACHED_FREES)
     if
     :: atomic { verdict[c] -> registered[c] = 0; edge[c] = 0; alive[c] = 0; state[c] = UNBORN }
     :: else -> push(c)
     fi;
#elif defined(M_DETACHED_PARKS)
     if :: pending[c] || kept[c] > 0 || verdict[c] || undrained[c] || hang_up[c] -> push(c) :: else -> state[c] = IDLE fi;
#else
     push(c);
#endif
     atomic { resting[me] = 1; detached = 0; c = 0; at = 0; goto in_cache }
  :: else ->
     atomic {
       DRIVER; gone[c] = 0;
       if
       :: verdict[c] -> state[c] = GRAVE
       :: !verdict[c] && kept[c] > 0 -> if :: goto serve_on :: state[c] = READY fi       /* after 64: back of the lane */
       :: !verdict[c] && kept[c] == 0 && (PENDING(c) || UNDRAINED(c) || HANG_UP(c)) -> goto serve_on
       :: else -> state[c] = IDLE
       fi
     }
  fi;
served:
  atomic { c = 0; if :: at == STEP_1 -> goto step_1 :: else -> goto step_3 fi }
}

/* Nothing moves any more. */
proctype final() {
  byte c = 0; byte n = 0;
  timeout ->
  assert(driver != NOBODY);
  do :: c < THREADS -> n = n + resting[c]; c++ :: else -> break od;
  assert(n == THREADS - 1);
  c = 0;
  do
  :: c < CONNS ->
     assert(answered[c] == sent[c] || closed_by_us[c]);
     assert(alive[c] == (!fin[c] && !closed_by_us[c]));
     c++
  :: else -> break
  od
}

init {
  byte t = 0;
  atomic {
    do :: t < THREADS -> resting[t] = 1; run thread(t); t++ :: else -> break od;
    resting[0] = 0; job[0] = 1;
    run watcher(); run final();
    t = 0;
#ifdef ACCEPT
    run acceptor();
#else
    do :: t < CONNS -> alive[t] = 1; state[t] = IDLE; registered[t] = 1; t++ :: else -> break od;
#endif
    t = 0; do :: t < CONNS -> run client(t); t++ :: else -> break od
  }
}
