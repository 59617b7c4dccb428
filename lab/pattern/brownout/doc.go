// Package brownout leaves out the optional part of a request when the service is
// slow, for as large a share of requests as it takes.
//
// # Idea
//
// Much of what a page shows is welcome and not needed: recommendations,
// suggestions, a count. Under overload it takes the capacity that the needed part
// lacks. A dimmer says for which share of requests the optional part is served. A
// controller looks at the response time several times a second: above its target
// it turns the dimmer down, below it up. So the service gives as much as it can
// at each moment, and everybody gets what they came for.
//
// # When
//
// Where requests have a part that can be left out without breaking a promise,
// and which costs enough to matter. The answer says that it is reduced, so that
// nobody takes it for the whole.
//
// # Knobs
//
// target is the response time to be kept, at the given quantile of the requests
// that have an optional part. every is how often the dimmer moves, and gain how
// far at most, in shares of requests. least is the share that always gets the
// whole.
//
// # Cost
//
// A look at the clock before and after, two short critical sections, a
// histogram. In calm, nothing is left out.
//
// # How it fails
//
// It has only the optional part to give: when the needed part alone is too much,
// the dimmer is at its least and the service is as lost as before; something must
// then be refused. The response time tells of the load only after a while, so a
// large gain swings between all and nothing, and a small one is late for a spike.
// A target below what the whole takes in calm leaves the part out for ever, and
// nobody notices: watch the share. What brings the money is often the optional
// part.
//
// # Source
//
// Cristian Klein, Martina Maggio, Karl-Erik Årzén and Francisco
// Hernández-Rodriguez, "Brownout: building more robust cloud applications", ICSE
// 2014. They place the pole of the loop by an estimate of how the response time
// answers to the dimmer; here the gain is a knob and the error is bounded.
package brownout
