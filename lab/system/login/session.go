package login

import (
	"net/http"
	"time"

	"workbench/lab"
)

// session is one account's state. Its methods are the rules, for both engines.
type session struct {
	generation uint64        // of the renewal token that the device holds
	issued     time.Duration // when the last token was given out
	void       bool          // nobody is signed in
}

// event is what is counted.
type event string

// step is what one request does to a session, and the HTTP status that answers
// it. Answers of 401 are answers: the service has done its work.
func (s *session) step(r *lab.Request, now time.Duration) (status int, happened []event) {
	rotate := lab.Chosen[Rotation](r, placeRotation) != nil
	switch r.Op {
	case Login:
		s.generation++
		s.issued, s.void = now, false
		return http.StatusCreated, nil
	case Guess:
		return http.StatusUnauthorized, nil
	case Renew:
		if s.void {
			return http.StatusUnauthorized, []event{"forced_logins"}
		}
		if rotate {
			s.generation++
		}
		s.issued = now
		return http.StatusOK, nil
	case Replay:
		return s.replay(rotate)
	case Logout:
		s.end()
		return http.StatusOK, nil
	default:
		return s.check(r, now)
	}
}

// replay is a thief with the token that was used before the present one.
func (s *session) replay(rotate bool) (int, []event) {
	switch {
	case s.void:
		return http.StatusUnauthorized, nil
	case rotate && s.generation > 0:
		s.end() // whoever of the two is the thief, both have to sign in again
		return http.StatusUnauthorized, []event{"reuse_detected"}
	case rotate:
		return http.StatusUnauthorized, nil // there was none before it
	default:
		return http.StatusOK, []event{"stolen_accepted"}
	}
}

func (s *session) check(r *lab.Request, now time.Duration) (int, []event) {
	k := lab.Chosen[Signed](r, placeSigned)
	if k == nil {
		if s.void {
			return http.StatusUnauthorized, nil
		}
		return http.StatusOK, nil
	}
	// The token alone is looked at. What the table would have said is known here
	// only to be counted.
	if now-s.issued > k.TTL {
		return http.StatusUnauthorized, []event{"checked_locally"}
	}
	if s.void {
		return http.StatusOK, []event{"checked_locally", "revoked_accepted"}
	}
	return http.StatusOK, []event{"checked_locally"}
}

func (s *session) end() { s.void = true }

// counts adds up events under the choice that they belong to.
type counts map[event]interface{ Add(uint64) uint64 }

func newCounts(counters func(string) *lab.Counters) counts {
	out := counts{}
	for _, p := range []lab.Pattern{rotation(), signed()} {
		for _, name := range p.Events {
			out[event(name)] = counters(p.Name).Get(name)
		}
	}
	return out
}

func (c counts) add(happened []event) {
	for _, e := range happened {
		c[e].Add(1)
	}
}
