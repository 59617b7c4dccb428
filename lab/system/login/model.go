package login

import (
	"time"

	"workbench/lab"
	"workbench/lab/system"
)

// model keeps every account's session in virtual time.
type model struct {
	sessions []session
	count    counts
}

func newModel(counters func(string) *lab.Counters) system.Model {
	return &model{sessions: make([]session, Accounts+1), count: newCounts(counters)}
}

// Served implements system.Model.
func (m *model) Served(now time.Duration, r *lab.Request) lab.Response {
	if r.Key < 1 || r.Key > Accounts {
		return unknown(r)
	}
	status, happened := m.sessions[r.Key].step(r, now)
	m.count.add(happened)
	return lab.Response{Status: status}
}

// unknown answers for an account that there is not. Whoever asks for a password
// must not learn it from the answer.
func unknown(r *lab.Request) lab.Response {
	if r.Op == Login || r.Op == Guess {
		return lab.Response{Status: 401}
	}
	return lab.Response{Missing: true}
}
