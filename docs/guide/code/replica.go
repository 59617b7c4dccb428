package code

import "time"

// guide:begin pinned

// Reader sends a user's reads to a replica, except for Pin after that user's
// last write: then the primary answers, which has it. It is the rule alone: whoever
// shares one among handlers puts a lock around it.
type Reader struct {
	Pin   time.Duration
	wrote map[string]time.Duration // when each user last wrote
}

// Wrote notes a write of a user at the instant now. What is older than Pin
// means nothing any more and is forgotten.
func (r *Reader) Wrote(now time.Duration, user string) {
	if r.wrote == nil {
		r.wrote = map[string]time.Duration{}
	}
	for other, at := range r.wrote {
		if now-at > r.Pin {
			delete(r.wrote, other)
		}
	}
	r.wrote[user] = now
}

// Primary reports whether a read of a user at the instant now must go to the
// primary.
func (r *Reader) Primary(now time.Duration, user string) bool {
	at, ok := r.wrote[user]
	return ok && now-at <= r.Pin
}

// guide:end
