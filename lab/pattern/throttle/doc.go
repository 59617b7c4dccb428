// Package throttle refuses calls before they are made, as large a share of them
// as the dependency would turn down anyway.
//
// # Idea
//
// A dependency that is overloaded refuses some calls, and even refusing costs:
// what was done for a request before the call that is turned down is lost with
// it. So the caller looks at how many of its calls were accepted lately, and
// refuses new requests itself with the probability
//
//	max(0, (requests − K × accepts) / (requests + 1))
//
// over a sliding window, where requests counts those it refuses as well. As long
// as at least one in K is accepted nothing happens. Beyond that, the calls that
// are made settle at K times those that are accepted, whatever comes, and follow
// by themselves when the dependency recovers. No constant tells how much it can do.
//
// # When
//
// In front of a dependency with other callers, or whose capacity is not known,
// which refuses or fails when it has too much. Best where a request makes several
// calls, or where a refusal costs nearly as much as an answer.
//
// # Knobs
//
// k is how many calls are made for each one accepted: 2 keeps probing hard and
// sees a recovery soon, 1.1 spares the dependency nearly all refusals. window is
// how far back is counted. most bounds the share that is refused, so that some
// calls are made even when none has been accepted for a window. per counts each
// operation by itself, or all together.
//
// # Cost
//
// Two short critical sections a request, no allocation. Each of them scans
// nothing: the window is ten cells and their sum.
//
// # How it fails
//
// It needs to be told no. A dependency that never refuses and only becomes slow
// is recognised by answers that come too late, a whole queue's length after the
// fact, and the share then swings between none and all: bound its queue, or set a
// timeout. With few requests the share is coarse: one failure out of one refuses
// the next with a half. It refuses at random, the important with the rest (shed
// knows who matters). Afterwards the calls grow by K from window to window: with K
// 1.1 and most 1, a dependency that was quite down stays throttled for dozens of
// windows after it is well. Counting all operations together lets one bad
// dependency throttle the others.
//
// # Source
//
// Betsy Beyer and others, Site Reliability Engineering (2016), chapter 21,
// "Handling Overload", section "Client-Side Throttling". There requests are
// counted as they are made and the window is two minutes; here a request counts
// once its answer is known, so that calls under way are not taken for refused. The
// bound on the share is from Envoy's admission control filter.
package throttle
