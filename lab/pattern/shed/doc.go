// Package shed refuses the least important requests first when the service is
// nearly full.
//
// # Idea
//
// A full server refuses somebody; the question is whom. Each priority may use
// only a share of the capacity, the least important the smallest. As requests
// pile up the lowest are refused at once, while there is still room for the
// rest, and the important ones meet a service that is busy but not full. What is
// measured is requests in flight below this point: it grows as soon as answers
// get slower than arrivals, before any error or timeout.
//
// # When
//
// Where requests differ in worth: a payment before a recommendation, a person
// before a crawler, a cancellation before a new order. Health checks and
// shutdown signals are of high priority. If all are alike, a concurrency limit
// or a short queue does the same with less to explain.
//
// # Knobs
//
// capacity is the requests in flight at which the service counts as full; it
// grows with the scenario's scale. low, normal and high are the shares of it
// (0 to 1) at which requests of that priority are refused; they must not fall
// from low to high.
//
// # Cost
//
// Two atomic operations a request, without lock, clock or allocation. The
// capacity between two thresholds stays empty when only low requests come: with
// the defaults, half of it.
//
// # How it fails
//
// It counts requests and not their work: a capacity set for 20 ms answers is
// wrong for 200 ms ones. Callers who choose their own priority all choose high,
// so it must come from the operation or the account. Low priority starves for as
// long as the overload lasts; whoever retries at once keeps it going. With the
// threshold above what the service can hold in time, everything is late and
// nothing is refused. Everything this service calls must agree on the priority,
// or the important request is refused one floor below.
//
// # Source
//
// Google, Site Reliability Engineering (2016), chapter 21, "Handling Overload":
// criticality. Netflix, "Keeping Netflix Reliable Using Prioritized Load
// Shedding" (2020). Stripe, "Scaling your API with rate limiters" (2017): the
// fleet usage load shedder, which keeps a share for critical requests.
package shed
