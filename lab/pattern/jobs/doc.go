// Package jobs answers "accepted" at once and does the work later, at the pace
// the workers can keep.
//
// # Idea
//
// A caller that needs no result now should not wait for one. The request goes
// into a bounded queue, the answer is 202 Accepted with the address of a status
// resource, and a fixed number of workers takes jobs from the queue in order. A
// burst becomes a longer queue instead of a higher load: the work below never
// sees more than the workers send.
//
// # When
//
// For work that takes longer than a caller likes to wait and whose result may
// come later: an order confirmation, a report, a mail. Not for reads, and not
// where the caller must know the result before it goes on.
//
// # Knobs
//
// length is how many jobs may wait; beyond, requests are refused with the time
// the workers need for half of the queue. workers is how many jobs are worked on
// at once. Both grow with the scenario's scale. keep is how many finished jobs
// can still be asked about.
// attempts is how often a job is tried, and pause how long it rests after a
// failure; meanwhile it keeps its place among those that wait, and no worker. A
// job that failed so often, or was refused as wrong in itself, is a dead letter:
// dead is how many are kept to be looked at, at /jobs/dead of an instance.
//
// # Cost
//
// A copy of the request and its body for each waiting job, and of its status
// until keep later ones have finished. The time to the answer falls to almost
// nothing; the time to the effect grows by the wait in the queue. The age of the
// oldest job is therefore the figure to watch.
//
// # How it fails
//
// A queue hides a deficit: when more comes than the workers finish, nothing is
// wrong until the queue is full, and by then every job is old. A deficit of 3 a
// second fills 200 places in 67 s. The queue is in memory: a crash or a kill
// loses what was acknowledged, without a trace. A stop in good order works off
// the queue until the service's context ends, and counts the rest as lost. What
// must survive needs a durable queue, and since that delivers at least once, an
// effect that may be repeated. Callers that poll the status often are a new
// load. Dead letters that nobody looks at are losses with a list, and attempts in a
// dependency's bad minutes are used up in them: a pause that is shorter than an
// outage only makes more calls of it. A try that was too late may have had its
// effect, so what is tried again must bear repetition. A job outlives the patience of the caller that sent it. Status lives in
// the instance that accepted the job and is forgotten when the pattern is
// switched.
//
// # Source
//
// 202 Accepted: RFC 9110, section 15.3.3. Queue length and age follow from
// Little's law. Gregor Hohpe and Bobby Woolf, Enterprise Integration Patterns
// (2003), "Competing Consumers", "Dead Letter Channel".
package jobs
