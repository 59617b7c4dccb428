// Package trace follows single requests on their way: which parts they met, in
// what order, and how long each took.
//
// Spans are OpenTelemetry's, from its SDK, and travel between processes in the
// traceparent header of W3C Trace Context. They end in a Store of this process:
// a bounded one, which counts what it did not keep.
//
// Two rules decide what is kept. The head's share is drawn before a request
// begins, from its trace id alone, so that all parties agree without asking. The
// tail's rule looks at the whole trace when it has ended and keeps what failed
// or was slow, which the head would miss most of; its price is that every
// request is recorded. With both off nothing is recorded, and a request pays one
// atomic load at each place that could have been one span.
package trace
