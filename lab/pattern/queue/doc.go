// Package queue is a waiting room of bounded length in front of a fixed number
// of workers.
//
// # Idea
//
// A queue evens out what arrives unevenly. It cannot create capacity: when more
// arrives than is served it fills, and from then on its length is a delay that
// every request pays. So the room has a bound, shorter than callers are patient,
// and who finds it full is told so at once. What is done with those inside
// decides the rest: in order of arrival (fifo), everybody waits equally and
// under overload everybody equally too long; newest first (lifo), those served
// are served in time and the others are lost anyway. Work that nobody waits for
// any more can be dropped instead of done, and CoDel drops when the wait has
// been long for long, while it lets bursts pass.
//
// # When
//
// Where arrivals are bursty and the mean is below the capacity. Length below
// capacity × timeout: 1000 a second and callers that wait 500 ms need a room of
// well under 500. If the mean is above the capacity, no queue helps; refuse or
// scale.
//
// # Knobs
//
// length is the requests that may wait, workers those worked on at once; both
// grow with the scenario's scale. order is fifo or lifo; when a lifo room is
// full, the oldest in it gives way (queue_evicted). max_wait is the longest wait
// (0s: none). drop_expired answers 504 as soon as the deadline or the caller's
// known patience is over, and frees the room; without it such a request keeps
// its turn and wastes a worker, as most servers do. codel drops at dequeue when
// waits have stayed above target for an interval, and then ever faster.
//
// # Cost
//
// A short critical section at each end; three small allocations for a request
// that waits. A full queue costs its length / (capacity) in latency for every
// request.
//
// # How it fails
//
// A long queue turns a short overload into a long outage: with retries it never
// empties, because all that is served is already late. Drop-expired alone serves
// those about to expire, so their answers arrive just too late. lifo starves who
// waits longest and shows it only in the tail; with a wait bound that hardly
// matters. CoDel expects senders that slow down: against arrivals that do not, it
// drops too slowly to bound the delay. It judges whom it dequeues, so with lifo
// it sees the newest and stays quiet. The queue hides a deficit: 8 a second into
// 5 look well until the room is full, 67 s later for 200 places.
//
// # Source
//
// Kathleen Nichols and Van Jacobson, "Controlling Queue Delay", ACM Queue 10
// (2012), and RFC 8289 (2018), section 5, for CoDel, its control law and its
// constants. Ben Maurer, "Fail at Scale", ACM Queue 13 (2015): controlled delay
// and adaptive LIFO in front of servers at Facebook.
package queue
