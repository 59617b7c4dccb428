// Package clientbudget lets the simulated clients retry only as a share of
// their first tries.
//
// # Idea
//
// Retries cure accidents: one failure in a hundred, cured at the price of one
// more request in a hundred. When most requests fail, it is no accident, and
// retries only multiply the load. A client, or better a fleet of clients that
// share one library, therefore earns a fraction of a retry with each first try
// and spends one with each retry. In normal times there is always one to spend;
// in a collapse the load grows by that fraction and no more.
//
// # When
//
// In every client that retries, above all in services that call services. It is
// the one client-side cure for a retry storm: it removes load, where backoff
// only moves it.
//
// # Knobs
//
// share is how many retries are earned by each first try: 0.1 is one in ten. A
// reserve of 10 retries lets a quiet client through a short fault.
//
// # Cost
//
// In a real outage most users see the first failure at once. That is the
// purpose.
//
// # How it fails
//
// Load plus budget must fit the capacity with room to spare: at 800 requests a
// second offered, 20 % make 960, and a service that can do 1000 has only 40 a
// second left to work off its backlog, which takes minutes. A budget for each
// single user hardly binds, since each has its own reserve. It does nothing
// about an overload by first tries: those must be refused by the server.
//
// # Source
//
// Betsy Beyer and others, Site Reliability Engineering (2016), chapter 21,
// "Handling Overload": retries are kept to 10 % of requests. Package sim/retry
// keeps the budget, as gRPC's retry throttling and Finagle's RetryBudget do.
package clientbudget
