/* SPDX-License-Identifier: MIT
 *
 * context.pml -- is a request's Context cancelled when its client leaves, and freed exactly once?
 *
 * In:  one lane, one connection with REQUESTS requests whose client leaves at any moment; THREADS threads; a watcher that
 *      may take the lane over during any call. A handler may ask for its Context, wait until it is cancelled, and keep a
 *      copy of it beyond its end. Callbacks of a cancelled Context are user code: they block until the lane has
 *      moved on (until a ping was answered).
 * Out: no error: no reference to freed memory, no state left over, no handler that waits for ever for a client that has
 *      gone, no lane stuck in a callback.
 *
 * The two sides of it: the handler makes the state when it first asks for it; the driver learns of the hang-up. They
 * meet in `ctx`, one atomic pointer in the connection: null, a state, or GONE. Whoever comes second sees the other.
 * References to a state: the handler's own (dropped when its call ends), the connection's (dropped by the driver only,
 * when the connection is its own again), the canceller's (taken before it cancels), a copy that the application keeps.
 *
 * How events reach a driver is lane.pml's matter: here it just sees what there is, in any order.
 */
#ifndef REQUESTS
#define REQUESTS 2
#endif
#ifndef THREADS
#define THREADS 3
#endif

/* ---- The connection. ---- */
#define IDLE       0
#define IN_SERVICE 1
#define ENDED      2
byte state;
bit  hang_up;                    /* RDHUP was reported */
bit  returned;                   /* handed back through `returns` */
#define NONE 0
#define GONE 255                 /* between them: 1 + the number of the request whose state it is */
byte ctx;

/* ---- A Context's state, one for each request that asks for it. ---- */
byte refs[REQUESTS];
bit  made[REQUESTS];
bit  cancelled[REQUESTS];
byte kept_copies;                /* by the application: bit k of request k */

/* ---- The world. ---- */
byte unread = REQUESTS;
bit  rdhup_edge;
bit  client_left;
bit  ping; bit ponged;
byte answered;

/* ---- The lane and the cache. ---- */
#define NOBODY 255
byte word;
byte driver = NOBODY;
bit  resting[THREADS];
bit  job[THREADS];
#define IN_CALL (word & 1)
#define DRIVER  assert(driver == me)
#define THREAD_TO_BE_HAD (resting[0] || resting[1] || resting[2])

inline drop(k) {                 /* the one that drops the last reference frees */
  assert(refs[k] > 0); refs[k]--
}

/* Cancel state k and run its callbacks: the caller must have a reference for as long as this takes. */
inline cancel(k) {
  atomic { assert(refs[k] > 0); first = !cancelled[k]; cancelled[k] = 1 };
  if
  :: first -> (ponged)           /* a callback; only the first to cancel runs it */
  :: else
  fi;
  atomic { assert(refs[k] > 0); first = 0 }      /* on to the next callback in its list */
}

/* The guarded call: enter and leave. See lane.pml and word.pml. */
inline enter() {
  atomic { DRIVER; word++; mine = word }
}
inline leave() {
  atomic {
    if
    :: word == mine -> word++
    :: else -> detached = 1
    fi;
    mine = 0
  }
}

proctype client() {
  atomic { client_left = 1; rdhup_edge = 1 }
}

/* Something else that the lane has to do: user code waits for it, so the lane must not wait for user code. */
proctype somebody_else() {
  ping = 1
}

/* Drops the copies that handlers have kept, some time. */
proctype application() {
  byte k = 0;
end_application:
  do
  :: atomic { kept_copies != 0 ->
       do :: kept_copies & (1 << k) -> break :: else -> k++ od;
       drop(k); kept_copies = kept_copies & ~(1 << k); k = 0
     }
  od
}

/* Takes over whenever it can; that it sees to it in time is lane.pml's matter. */
proctype watcher() {
  byte t;
end_watcher:
  do
  :: atomic {
       IN_CALL && THREAD_TO_BE_HAD ->
       t = 0;
       do :: resting[t] -> break :: else -> t++ od;
       resting[t] = 0; word++; driver = NOBODY; job[t] = 1; t = 0
     }
  od
}

/* r.context(), called first by request k's handler. The state is born with the handler's reference and, when the pointer
   takes it, the connection's. */
inline context_of(k) {
#ifdef M_STATE_STORED
  atomic { made[k] = 1; refs[k] = 1; seen = ctx };
  if
  :: seen == NONE -> atomic { ctx = k + 1; refs[k]++ }           /* store instead of CAS: may overwrite GONE */
  :: else -> cancelled[k] = 1
  fi;
  seen = 0
#else
  atomic {
    made[k] = 1; refs[k] = 1;
    if
    :: ctx == NONE -> ctx = k + 1; refs[k]++                     /* CAS null -> state, release */
#ifdef M_GONE_IGNORED
    :: ctx == GONE -> skip
#else
    :: ctx == GONE -> cancelled[k] = 1                           /* born cancelled */
#endif
    fi
  }
#endif
}

/* The connection is the driver's again: only now may the reference that its pointer holds be dropped. */
inline connection_drops() {
  if
  :: ctx != NONE && ctx != GONE -> drop(ctx - 1)
  :: else
  fi;
  ctx = NONE
}

proctype thread(byte me) {
  byte mine; bit detached; byte k; byte seen; bit first; byte held;
in_cache:
end_cache:
  atomic { job[me] -> job[me] = 0; assert(driver == NOBODY); driver = me };

round:
end_round:
  if
  :: atomic { ping -> DRIVER; ping = 0; ponged = 1; goto round }
  :: atomic {                                                    /* step 1: the client has hung up */
       rdhup_edge && state != ENDED -> DRIVER; rdhup_edge = 0; hang_up = 1;
       if
       :: state == IDLE -> goto serve
       :: else
       fi
     };
     goto hung_up
  :: atomic {                                                    /* step 2: taken from returns */
       returned -> DRIVER; returned = 0; assert(state == IN_SERVICE); connection_drops(); state = IDLE; goto serve }
  :: atomic { state == IDLE && unread > 0 -> DRIVER; goto serve }
  fi;

/* In service, with somebody else: remember it, cancel the Context if there is one. */
hung_up:
#ifdef M_GONE_STORED
  atomic { DRIVER; seen = ctx };
  if :: seen == NONE -> ctx = GONE :: else fi;
#else
  atomic { DRIVER; if :: ctx == NONE -> ctx = GONE; seen = NONE :: else -> seen = ctx fi };   /* CAS; on failure acquire */
#endif
  if
  :: seen == NONE || seen == GONE -> seen = 0; goto round
  :: else -> held = seen - 1; seen = 0
  fi;
#if !defined(M_NO_REFERENCE) && !defined(M_REFERENCE_IN_CALL)
  atomic { assert(refs[held] > 0); refs[held]++ };               /* first the reference ... */
#endif
#ifndef M_CALLBACKS_UNGUARDED
  enter();
#endif
#ifdef M_REFERENCE_IN_CALL
  atomic { assert(refs[held] > 0); refs[held]++ };
#endif
  cancel(held);                                                  /* ... then the user's code, which may lose the lane */
#ifndef M_NO_REFERENCE
  atomic { drop(held); held = 0 };
#endif
#ifndef M_CALLBACKS_UNGUARDED
  leave();
#endif
  if
  :: atomic { detached -> detached = 0; held = 0; resting[me] = 1; goto in_cache }           /* it has no connection to hand back */
  :: else -> held = 0; goto round
  fi;

/* The word is even, the connection ours. */
serve:
  atomic {
    DRIVER; assert(state == IDLE);
    if
    :: unread == 0 && client_left -> state = ENDED; rdhup_edge = 0; goto round               /* recv = 0 */
    :: unread == 0 && !client_left -> goto round                                             /* EAGAIN */
    :: unread > 0 -> k = REQUESTS - unread; unread--; state = IN_SERVICE
    fi;
#ifdef M_CTX_SET_IN_CALL
    seen = (hang_up -> GONE : NONE)
#elif !defined(M_HANG_UP_FORGOTTEN)
    ctx = (hang_up -> GONE : NONE)                               /* before enter: afterwards others may be at it */
#endif
  };
  enter();
#ifdef M_CTX_SET_IN_CALL
  atomic { ctx = seen; seen = 0 };
#endif

/* ---- The handler. ---- */
  if
  :: skip                                                        /* does not ask for its Context */
  :: context_of(k);
     if
     :: skip
     :: atomic { refs[k]++; kept_copies = kept_copies | (1 << k) }                           /* keeps a copy */
     :: true -> (cancelled[k])                                   /* ctx.wait() */
     fi;
     cancel(k);                                                  /* the request's Context ends with its handler ... */
     drop(k)                                                     /* ... and the thread forgets it: still in the call */
  fi;
  atomic { answered++ };
#ifdef M_SERVER_DROPS
  if
  :: ctx != NONE && ctx != GONE && word != mine -> drop(k)
  :: else
  fi;
#endif
  leave();
  if
  :: atomic { detached -> returned = 1; detached = 0; k = 0; resting[me] = 1; goto in_cache }
  :: atomic { else ->
       DRIVER; k = 0;
       connection_drops(); state = IDLE;
       if
       :: unread > 0 || hang_up -> goto serve
       :: else -> goto round
       fi
     }
  fi
}

proctype final() {
  byte k = 0; byte n = 0;
  timeout ->
  assert(state == ENDED && answered == REQUESTS);
  do :: k < THREADS -> n = n + resting[k]; k++ :: else -> break od;
  assert(driver != NOBODY && n == THREADS - 1);                  /* nobody waits, in a handler or in a callback */
  k = 0;
  do :: k < REQUESTS -> assert(refs[k] == 0); k++ :: else -> break od        /* nothing has leaked */
}

init {
  byte t = 0;
  atomic {
    do :: t < THREADS -> resting[t] = 1; run thread(t); t++ :: else -> break od;
    resting[0] = 0; job[0] = 1;
    run watcher(); run client(); run somebody_else(); run application(); run final()
  }
}
