// Package fleet decides which of several service instances gets a request, and
// how many instances there should be. It only computes: the live balancer and
// virtual time ask the same code, and pass in the time and the dice.
//
// A Fleet knows its instances by what a balancer can see of them: requests
// inside, answers and their latency, refused connections, and health checks. It
// picks among those that are well. When none is, it picks among all that accept
// connections: a balancer that believes every instance ill is more likely wrong
// than they are (Envoy calls it the panic threshold).
//
//   - Pickers: round robin, least connections, two choices, and consistent
//     hashing with bounded loads.
//   - Health checks ask each instance for /readyz and need several answers in a
//     row, in either direction. They notice what does not answer, and not what
//     answers slowly or wrongly.
//   - Outlier ejection compares the answers of the instances with one another:
//     failures in a row, the share of failures, and latency against the median
//     of the peers. Each time is longer than the last, and at most a share of
//     the instances is out.
//   - Slow start lets the weight of an instance that has just come, or come
//     back, grow from a little to all.
//   - Sticky sessions keep a user at one instance, and count the sessions that
//     are lost when it goes.
//   - An Autoscaler keeps a figure per instance near a target.
//
// Sources: Mitzenmacher, "The Power of Two Choices in Randomized Load
// Balancing", IEEE TPDS 12(10), 2001; Mirrokni, Thorup and Zadimoghaddam,
// "Consistent Hashing with Bounded Loads", SODA 2018; the documentation of
// Envoy's outlier detection, of HAProxy's slowstart and of the Kubernetes
// horizontal autoscaler.
package fleet
