// Package theory holds closed forms: what a queue, a cache, a crowd of retries
// or a fan-out must do on average, computed instead of simulated. They are what
// the simulator is tested against and the curves beside measured ones.
//
// Each formula names its source, its range and how exact it is. A share lies
// between 0 and 1, a rate counts events a second, a load is in units of what
// one server can do (erlangs). Results in time.Duration are rounded to a
// nanosecond and stop at the longest Duration. All formulas describe a steady
// state: near a utilisation of 1 a real run needs ages to get there, about
// 1/(1-√ρ)² mean service times.
//
// An argument out of range yields an [*ArgumentError] that names it; no function
// returns NaN or an infinity. The functions hold no state and are safe for
// concurrent use.
package theory
