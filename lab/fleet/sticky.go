package fleet

// ReasonSession is why a user must sign in again: the session was in the memory
// of an instance that cannot be reached any more.
const ReasonSession = "session_lost"

// maxHomes bounds the table of users: more are served without a session.
const maxHomes = 1 << 20

// settle makes an instance the home of a user who had another, or none.
func (f *Fleet) settle(user uint64, old, home *Member) {
	if f.homes == nil {
		f.homes = map[uint64]*Member{}
	}
	if old != nil {
		old.bound--
	}
	home.bound++
	f.homes[user] = home
}

// Sessions is the memory of one instance: whose sessions it holds. An instance
// that dies takes it along. It is not safe for concurrent use. The zero value
// is ready.
type Sessions struct{ users map[uint64]bool }

// Meet notes a request of a user under what the balancer says of it, and reports
// whether the user must sign in again, because a session that there should be
// is not here.
func (s *Sessions) Meet(user uint64, how Session) (lost bool) {
	if how == None || s.users[user] {
		return false
	}
	if s.users == nil {
		s.users = map[uint64]bool{}
	}
	if len(s.users) < maxHomes {
		s.users[user] = true // signed in anew
	}
	return how != Fresh
}

// Len returns how many sessions there are.
func (s *Sessions) Len() int { return len(s.users) }
