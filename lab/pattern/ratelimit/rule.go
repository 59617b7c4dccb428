package ratelimit

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// quota is the state of one bucket; the zero value is a full one. Each rule
// uses the fields it names.
type quota struct {
	tokens *rate.Limiter // token-bucket

	tat time.Duration // gcra: the theoretical arrival time of the next request

	start     time.Duration // sliding-window: when the present window began
	now, last int           // sliding-window: requests admitted in it, and in the one before
}

// rule keeps quotas of one rate and burst.
type rule interface {
	// take admits one request at now and returns 0, or returns how long until
	// it would be admitted. now never goes backwards for one quota.
	take(q *quota, now time.Duration) time.Duration
	// rest is how long a quota takes to be full again whatever it admitted.
	rest() time.Duration
}

// newRule returns the rule that k names, nil if there is none.
func newRule(k Knobs) rule {
	// The time to fill a bucket. A year is for ever here, and keeps sums of
	// instants far from overflow.
	full := time.Duration(min(math.Ceil(float64(k.Burst)/k.Rate*1e9), 365*24*float64(time.Hour)))
	switch k.Algorithm {
	case "token-bucket":
		return tokenBucket{rate: rate.Limit(k.Rate), burst: k.Burst, full: full}
	case "gcra":
		// Rounded up, so that the rate is never exceeded: at a million a second
		// the interval is 1000 ns, and the loss at most 0.1 %.
		interval := time.Duration(math.Ceil(1e9 / k.Rate))
		return gcra{interval: interval, full: interval * time.Duration(k.Burst)}
	case "sliding-window":
		return window{limit: k.Burst, length: full}
	}
	return nil
}

// tokenBucket is x/time/rate with the time passed in.
type tokenBucket struct {
	rate  rate.Limit
	burst int
	full  time.Duration
}

func (t tokenBucket) take(q *quota, now time.Duration) time.Duration {
	if q.tokens == nil {
		q.tokens = rate.NewLimiter(t.rate, t.burst)
	}
	at := time.Unix(0, int64(now))
	if q.tokens.AllowN(at, 1) {
		return 0
	}
	missing := 1 - q.tokens.TokensAt(at)
	return max(1, time.Duration(math.Ceil(missing/float64(t.rate)*1e9)))
}

func (t tokenBucket) rest() time.Duration { return t.full }

// gcra is the generic cell rate algorithm in its virtual scheduling form.
type gcra struct{ interval, full time.Duration }

func (g gcra) take(q *quota, now time.Duration) time.Duration {
	next := max(q.tat, now) + g.interval
	if wait := next - now - g.full; wait > 0 {
		return wait
	}
	q.tat = next
	return 0
}

func (g gcra) rest() time.Duration { return g.full }

// window counts admissions in windows of equal length and supposes that those
// of the last one were spread evenly.
type window struct {
	limit  int
	length time.Duration
}

func (w window) take(q *quota, now time.Duration) time.Duration {
	if past := (now - q.start) / w.length; past > 0 {
		q.last, q.now = q.now, 0
		if past > 1 {
			q.last = 0
		}
		q.start += past * w.length
	}
	// Of the last window, the share that a window ending now still overlaps.
	overlap := 1 - float64(now-q.start)/float64(w.length)
	if float64(q.last)*overlap+float64(q.now) < float64(w.limit) {
		q.now++
		return 0
	}
	// The estimate falls below the limit when enough of the last window has
	// passed; if this window alone is full, when it has become the last one.
	full, spare := q.last, float64(w.limit-q.now)
	at := q.start
	if q.now >= w.limit {
		full, spare, at = q.now, float64(w.limit), q.start+w.length
	}
	at += time.Duration(math.Floor(float64(w.length)*max(0, 1-spare/float64(full)))) + 1
	return max(1, at-now)
}

// rest is two windows: the present one counts until it is no longer the last.
func (w window) rest() time.Duration { return 2 * w.length }

var (
	_ rule = tokenBucket{}
	_ rule = gcra{}
	_ rule = window{}
)
