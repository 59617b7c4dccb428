// Package retry repeats a call that failed by accident, inside the service,
// before the caller hears of it.
//
// # Idea
//
// A dropped connection or a node that restarts fails one call in a hundred;
// asked again, the dependency answers. The pattern asks again after a pause that
// doubles each time and is drawn at random, so that calls that failed together
// do not return together. A budget allows retries only as a share of first
// tries: when everything fails, retries would multiply the load just when the
// dependency can bear it least.
//
// # When
//
// For calls without side effect, or with a key that makes repeating them
// harmless, against a dependency with independent, brief failures. At one layer
// only: three layers of four tries make 64 calls of one click. Here only reads
// are repeated, and only after an error: a refusal (limited, shed, open) means
// that someone below protects itself, and asking again works against it.
//
// # Knobs
//
// tries is the most calls made for a request, the first included. base is the
// longest pause before the second try; it doubles up to cap. jitter draws each
// pause uniformly from 0 to that. budget is how many retries may be made for
// each first try (0.1: one in ten), with a reserve of 10; 0 means no budget. A
// pause that the answer asks for (Retry-After) is kept when it is longer. No
// pause goes past the deadline or the caller's patience: then the failure is
// passed on at once.
//
// # Cost
//
// In normal times the error rate times one more call, and for those requests the
// pause. With a budget b, at most 1+b times the load in the worst times;
// without, tries times. Clients' own retries do not earn budget.
//
// # How it fails
//
// Without a budget it turns an overload into a collapse, and exponential pauses
// and jitter do not prevent that: they spread the same calls over time. The
// budget is kept by each instance for itself, so after a quiet time every
// instance brings its reserve of 10. Repeating a call whose answer was lost does
// the work twice. A retry holds its request's place in every pool above while it
// pauses.
//
// # Source
//
// Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog (2015);
// Betsy Beyer and others, Site Reliability Engineering (2016), chapter 21
// for the budget of 10 % and chapter 22 for retries at several layers. Backoff
// and budget are package sim/retry, which the simulated clients use too.
package retry
