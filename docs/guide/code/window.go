package code

import "time"

// guide:begin bucket

// Bucket is a token bucket that mints a token Every so often and holds at most
// Burst of them. In place of tokens it keeps the instant at which it will be
// full again, so there are no fractions to lose. The zero time finds it full. It
// is the rule alone: whoever shares one among handlers puts a lock around it.
type Bucket struct {
	Every time.Duration
	Burst int
	full  time.Duration
}

// Take takes a token at the instant now, and says whether there was one. A
// clock that goes backwards mints nothing.
func (b *Bucket) Take(now time.Duration) bool {
	full := max(b.full, now) + b.Every
	if full-now > time.Duration(b.Burst)*b.Every {
		return false
	}
	b.full = full
	return true
}

// guide:end

// Window counts requests in fixed windows of time, each on its own.
type Window struct {
	Limit  int
	Length time.Duration
	number time.Duration // of the window
	count  int
}

// Take counts a request at the instant now, and says whether it fits.
func (w *Window) Take(now time.Duration) bool {
	if n := now / w.Length; n != w.number {
		w.number, w.count = n, 0
	}
	if w.count >= w.Limit {
		return false
	}
	w.count++
	return true
}

// Busiest returns how many requests a limit lets through in the busiest
// stretch of the given length, when one comes every so often.
func Busiest(take func(time.Duration) bool, every, length, stretch time.Duration) int {
	var passed []time.Duration
	most := 0
	for now := time.Duration(0); now < length; now += every {
		if !take(now) {
			continue
		}
		passed = append(passed, now)
		for passed[0] <= now-stretch {
			passed = passed[1:]
		}
		most = max(most, len(passed))
	}
	return most
}
