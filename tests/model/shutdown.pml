/* SPDX-License-Identifier: MIT
 *
 * shutdown.pml -- when a server is told to stop, does everything end, and in the right order?
 *
 * In:  one lane with a connection that is there from the start and, with ACCEPT, one that the acceptor may bring meanwhile;
 *      each has one request, or PIPELINED two in its bytes. The handler of the first is quick, or waits for its Context to be
 *      cancelled (it may ask for it late), or writes to a full socket until that is cut; the other's is quick. With CALLBACK
 *      the cancelled Context runs user code that blocks until its connection has been freed. Two threads stop the server:
 *      shutdown(), which drains and may cancel, and close(), which cuts (DRAIN_ONLY, CLOSE_ONLY: one of them). A third,
 *      the destructor, joins.
 *      With CANCEL_BOTH two connections are there from the start, both handlers wait for the cancellation, shutdown()
 *      always cancels, nobody cuts, and the first one's callback blocks until the second's connection has been freed.
 * Out: no request that has come is lost while the server drains; every process ends (a process that hangs is an "invalid
 *      end state" for spin); at the join no connection is left, and nothing was pushed to a lane that had ended.
 *
 * The order of ends: acceptor, lanes, watcher, threads. The watcher outlives the lanes because a draining lane may sit in
 * a handler, and only a new driver can cancel it. The acceptor ends before the lanes because it pushes to them.
 *
 * Phases only rise: 1 drain, 2 cancel, 3 cut. The lane remembers the phase it has acted on (`seen`), and whether it owes
 * phase 2 to somebody: that is a guarded call for each Context, any of which may lose the lane, and the new driver must then
 * go through all of them again, past those that are cancelled already.
 */
#ifdef CANCEL_BOTH
#define CALLBACK
#endif
#ifndef THREADS
#define THREADS 3
#endif
#if defined(ACCEPT) || defined(CANCEL_BOTH)
#define CONNS 2
#else
#define CONNS 1
#endif
#ifdef PIPELINED
#define KEPT 2
#else
#define KEPT 1
#endif

/* ---- The kernel. ---- */
bit edge[CONNS];                 /* a request has come: told once */
bit eventfd_edge;
bit cut[CONNS];                  /* shutdown(fd, SHUT_RDWR) */
bit knock;                       /* a client that wants to be accepted */

/* ---- Connections. ---- */
#define UNBORN     0
#define NEW        1
#define IDLE       2
#define READY      3
#define IN_SERVICE 4
#define FREED      5
byte state[CONNS];
byte kept[CONNS];                /* requests that have come and are not yet served */
#define NONE  0
#define STATE 1
#define GONE  2
byte ctx[CONNS];
bit  cancelled[CONNS];
bit  closing[CONNS];             /* its answer says Connection: close */

/* ---- The lane, the watcher, the cache, the acceptor. ---- */
byte word;
bit  returns[CONNS];
bit  asleep;
byte seen;                       /* the lane's own: the phase it has acted on */
bit  owes;                       /* and: some Context may not have heard of phase 2 */
bit  ended;
bit  watching = 1;
bit  watcher_may_end;
bit  resting[THREADS];
bit  job[THREADS];
bit  cache_may_end;
byte threads_ended;
bit  acceptor_told;              /* its own eventfd */
bit  acceptor_gone;

byte stop;                       /* the server's: seq_cst */
#define NOBODY 255
byte driver = NOBODY;

#define IN_CALL (word & 1)
#define DRIVER  assert(driver == me)
#if THREADS > 3
#define THREAD_TO_BE_HAD (resting[0] || resting[1] || resting[2] || resting[3])
#else
#define THREAD_TO_BE_HAD (resting[0] || resting[1] || resting[2])
#endif
#define IN_LANE(c) (state[c] == IDLE || state[c] == READY || state[c] == IN_SERVICE)   /* a new one is not known yet */
#if CONNS > 1
#define ANY(a)     (a[0] || a[1])
#define LANE_EMPTY (!IN_LANE(0) && !IN_LANE(1))
#define ALL_FREED  (state[0] == FREED && (state[1] == FREED || state[1] == UNBORN))
#define SOME_IDLE  (state[0] == IDLE || state[1] == IDLE)
#define SOME_READY (state[0] == READY || state[1] == READY)
#else
#define ANY(a)     (a[0])
#define LANE_EMPTY (!IN_LANE(0))
#define ALL_FREED  (state[0] == FREED)
#define SOME_IDLE  (state[0] == IDLE)
#define SOME_READY (state[0] == READY)
#endif

inline push(c) {
  atomic { assert(!ended && !returns[c]); returns[c] = 1 };
  if
  :: asleep -> eventfd_edge = 1
  :: else
  fi
}

/* stop = phase, then the eventfd of every lane and of the acceptor; the watcher is woken so that it ticks for the lanes. */
inline raise_stop(phase) {
#ifdef M_EVENTFD_FIRST
  eventfd_edge = 1;
#endif
#ifdef M_STOP_STORED
  stop = phase;                                                  /* a slower thread takes the phase back */
#else
  atomic { if :: stop < phase -> stop = phase :: else fi };      /* CAS until it is no lower */
#endif
  atomic {                                                       /* three wake-ups for three readers: one step is enough */
#ifndef M_EVENTFD_FIRST
    eventfd_edge = 1;
#endif
    acceptor_told = 1; watching = 1
  }
}

proctype client(byte c) {
  if
  :: c == 0 -> atomic { if :: state[c] != FREED -> kept[c] = KEPT; edge[c] = 1 :: else fi }
  :: else -> atomic { kept[c] = KEPT; knock = 1 }                /* sends without waiting to be accepted */
  fi
}

proctype acceptor() {
  do
  :: atomic { knock -> knock = 0; state[CONNS - 1] = NEW }; push(CONNS - 1)
  :: acceptor_told -> break
  od;
  acceptor_gone = 1;                                             /* seq_cst: after its last push */
  eventfd_edge = 1
}

proctype shutdown_caller() {
  raise_stop(1);
#ifdef CANCEL_BOTH
  raise_stop(2)
#else
#ifndef DRAIN_ONLY
  if
  :: skip
  :: raise_stop(2)
  fi
#endif
#endif
}

proctype close_caller() {
  raise_stop(3)
}

proctype destructor() {
  (ended);                                                       /* every lane */
  watcher_may_end = 1;                                           /* seq_cst ... */
  watching = 1;                                                  /* ... then the wake-up */
  cache_may_end = 1;
  (threads_ended == THREADS);
  assert(ALL_FREED && acceptor_gone && !ANY(returns))
}

proctype watcher() {
  byte v; byte t;
  do
  :: watcher_may_end -> break
#ifdef M_WATCHER_ENDS_FIRST
  :: stop -> break
#endif
  :: atomic { IN_CALL && THREAD_TO_BE_HAD -> v = word; t = 0; do :: resting[t] -> resting[t] = 0; break :: else -> t++ od };
     atomic {
       if
       :: word == v -> word++; driver = NOBODY; job[t] = 1
       :: else -> resting[t] = 1
       fi;
       v = 0; t = 0
     }
  :: atomic { !IN_CALL && watching -> watching = 0 };
     if
     :: !asleep -> watching = 1; (IN_CALL || asleep || watcher_may_end)
     :: asleep ->
#ifndef M_WATCHER_MISSES_END
        if
        :: watcher_may_end -> watching = 1                       /* looked at after flag = 0, like the lanes */
        :: else -> (watching)
        fi
#else
        (watching)
#endif
     fi
  od
}

/* Phase 2 for one connection: like a hang-up. Those that have no Context yet get GONE, for the handler that asks late. */
inline mark(c) {
  if
#ifndef M_LATE_CONTEXT_LIVES
  :: state[c] == IN_SERVICE && ctx[c] == NONE -> ctx[c] = GONE
#endif
  :: state[c] == IN_SERVICE && ctx[c] == STATE && !cancelled[c] -> take = 1    /* a reference: see context.pml */
  :: else
  fi
}

/* User code, run by the first cancellation of connection 0's Context. */
inline callback() {
#ifdef CANCEL_BOTH
  (state[1] == FREED)
#else
  (state[0] == FREED)
#endif
}

inline each_returned() {
  i = 0;
  do
  :: i < CONNS ->
     if
     :: returns[i] ->
        returns[i] = 0;
        if
        :: closing[i] || (seen > 1 && (state[i] == NEW || kept[i] == 0)) -> state[i] = FREED
        :: else -> if :: kept[i] > 0 && state[i] != NEW -> state[i] = READY :: else -> edge[i] = (kept[i] > 0); state[i] = IDLE fi
        fi;
        ctx[i] = NONE; cancelled[i] = 0; closing[i] = 0
     :: !returns[i]
     fi;
     i++
  :: else -> break
  od;
  i = 0
}

#ifdef M_EXPIRES_BLINDLY
#define MAY_EXPIRE(c) true
#else
#define MAY_EXPIRE(c) (!edge[c])
#endif

#ifdef M_ENDS_BEFORE_ACCEPTOR
#define NO_MORE 1
#else
#define NO_MORE no_more
#endif

proctype thread(byte me) {
  byte c; byte i; byte mine; bit detached; bit no_more; bit take;
in_cache:
  if
  :: atomic { job[me] -> job[me] = 0; assert(driver == NOBODY); driver = me }
  :: atomic { !job[me] && cache_may_end -> goto gone }
  fi;

/* 1: the batch. (It is harvested one connection at a time: that it belongs to the lane is lane.pml's matter.) */
round:
  if
#if CONNS > 1
  :: atomic { edge[1] -> DRIVER; edge[1] = 0; if :: state[1] == IDLE -> c = 1; goto serve :: else -> goto round fi }
#endif
  :: atomic { edge[0] -> DRIVER; edge[0] = 0; if :: state[0] == IDLE -> goto serve :: else -> goto round fi }
  :: else
  fi;

/* 2: returns, and stop. Whether the acceptor has gone is read first: what it pushed before that is then in `returns`. */
#ifdef M_GONE_READ_LATE
  atomic { DRIVER; each_returned() };
  no_more = acceptor_gone;
#else
  no_more = acceptor_gone;
  atomic { DRIVER; each_returned() };
#endif
heed_stop:
  if
  :: owes -> goto cancel
  :: else
  fi;
  if
  :: atomic { stop > seen -> seen++ }
  :: else -> goto look
  fi;
  if
  :: seen == 2 -> owes = 1;                                       /* cancel: see below; those who brought nothing are closed */
     atomic { i = 0; do :: i < CONNS -> if :: state[i] == IDLE -> state[i] = FREED; edge[i] = 0 :: else fi; i++ :: else -> break od; i = 0 }
  :: else
  fi;
  if
  :: atomic { seen == 3 -> DRIVER;                                /* cut; the ready ones are not begun any more */
       i = 0;
       do
       :: i < CONNS ->
          if
          :: state[i] == IN_SERVICE -> cut[i] = 1
#ifndef M_SERVED_AFTER_CUT
          :: state[i] == READY -> state[i] = FREED
#endif
          :: else
          fi;
          i++
       :: else -> break
       od;
       i = 0 }
  :: else
  fi;
  goto heed_stop;

cancel:
#ifdef M_OWED_FORGOTTEN
  owes = 0;
#endif
  i = 0;
  do
  :: i < CONNS ->
     atomic { DRIVER; mark(i) };
     if
     :: take ->
        atomic { take = 0; word++; mine = word };                /* a guarded call */
        atomic { take = !cancelled[i]; cancelled[i] = 1 };
#ifdef CALLBACK
        if :: i == 0 && take -> callback() :: else fi;           /* the first cancellation runs it */
#endif
        atomic { take = 0; if :: word == mine -> word++ :: else -> detached = 1 fi; mine = 0 };
        if
        :: atomic { detached -> detached = 0; c = 0; i = 0; no_more = 0; resting[me] = 1; goto in_cache }
        :: else
        fi
     :: else
     fi;
     i++
  :: else -> break
  od;
  atomic { i = 0; owes = 0 };
  goto heed_stop;

look:
/* Drain: an idle connection has a moment, and then is closed, unless its request has just come: its edge is told next. */
  atomic {
    DRIVER; i = 0;
    do
    :: i < CONNS ->
       if
       :: seen == 1 && state[i] == IDLE && MAY_EXPIRE(i) -> assert(kept[i] == 0); state[i] = FREED
       :: true
       fi;
       i++
    :: else -> break
    od;
    i = 0 };
  if
  :: atomic { seen > 0 && LANE_EMPTY && NO_MORE -> DRIVER;
       ended = 1; driver = NOBODY; no_more = 0; c = 0; resting[me] = 1; asleep = 1; goto in_cache }
  :: else -> no_more = 0
  fi;

/* 3: the ready list. */
  if
  :: atomic { state[0] == READY -> c = 0; goto serve }
#if CONNS > 1
  :: atomic { state[1] == READY -> c = 1; goto serve }
#endif
  :: else
  fi;

/* 4: wait. */
  asleep = 1;
  if
  :: ANY(returns) || stop > seen -> asleep = 0; goto woke
  :: else
  fi;
  atomic { (eventfd_edge || ANY(edge) || (seen == 1 && SOME_IDLE)) -> eventfd_edge = 0 };   /* until the first deadline */
  asleep = 0;
woke:
  if :: !watching -> watching = 1 :: else fi;
  goto round;

serve:
  atomic { DRIVER; state[c] = IN_SERVICE; kept[c]--; cancelled[c] = 0; closing[c] = (stop > 0);
#ifdef M_BEGUN_AFTER_CANCEL
    ctx[c] = NONE;
#else
    ctx[c] = (seen >= 2 -> GONE : NONE);                         /* begun after phase 2: born cancelled */
#endif
    word++; mine = word };
#ifdef CANCEL_BOTH
  atomic { if :: ctx[c] == NONE -> ctx[c] = STATE; (cancelled[c]) :: else fi };
#else
  if
  :: true                                                        /* quick */
#ifndef DRAIN_ONLY
  :: c == 0 ->                                                   /* r.context(), ctx.wait() */
     if
     :: atomic { ctx[c] == NONE -> ctx[c] = STATE };
        if :: true -> (cancelled[c]) :: true -> (cut[c]) fi      /* or is stuck in send all the same */
     :: ctx[c] == GONE                                           /* born cancelled */
     fi
  :: c == 0 -> (cut[c])                                          /* send: the client does not read */
#endif
  fi;
#endif
  atomic { if :: word == mine -> word++ :: else -> detached = 1 fi; mine = 0 };
  if
  :: detached -> push(c); atomic { detached = 0; c = 0; resting[me] = 1; goto in_cache }
  :: atomic { else -> DRIVER;
       ctx[c] = NONE; cancelled[c] = 0;
       if
       :: closing[c] || (seen > 1 && kept[c] == 0) -> state[c] = FREED
       :: !closing[c] && kept[c] > 0 -> state[c] = READY
       :: !closing[c] && seen <= 1 && kept[c] == 0 -> state[c] = IDLE
       fi;
       closing[c] = 0; c = 0; goto round
     }
  fi;

gone:
  atomic { threads_ended++ }
}

init {
  byte t = 0;
  atomic {
    do :: t < THREADS -> resting[t] = 1; run thread(t); t++ :: else -> break od;
    resting[0] = 0; job[0] = 1;
    state[0] = IDLE;
    run watcher(); run destructor();
#ifndef CLOSE_ONLY
    run shutdown_caller();
#endif
#if !defined(DRAIN_ONLY) && !defined(CANCEL_BOTH)
    run close_caller();
#endif
#ifdef CANCEL_BOTH
    state[1] = IDLE; kept[0] = 1; kept[1] = 1; edge[0] = 1; edge[1] = 1;   /* their requests have come */
#else
    run client(0);
#endif
#ifdef ACCEPT
    run client(1); run acceptor()
#else
    acceptor_gone = 1
#endif
  }
}
