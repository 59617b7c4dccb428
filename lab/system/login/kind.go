package login

import (
	"time"

	"workbench/lab"
	"workbench/lab/system"
	"workbench/sim/load"
)

// The operations, as a request's Op.
const (
	Login  uint8 = iota // with the right password
	Guess               // as a script sends it: a common password, for account Key
	Renew               // the token of account Key
	Replay              // a token that was stolen before it was renewed
	Check               // is account Key signed in?
	Logout
)

// Accounts is how many there are, from 1.
const Accounts = 5000

// hashQuanta is how many turns on the processor a password takes.
const hashQuanta = 10

// The places of the choices in a request.
const (
	placeRotation = iota
	placeSigned
)

// Rotation gives a new renewal token with each renewal. One that comes a second
// time was stolen, from whichever side, and ends the session. Off, a renewal
// token is good until the session ends. There is nothing to set.
type Rotation struct{}

// Signed has a session checked by the signature on its token, without asking
// anybody. Off, each check asks the session table.
type Signed struct {
	TTL time.Duration `knob:"ttl" min:"1s" max:"1h" help:"for how long a token is believed after it was issued, whatever has happened since"`
}

// Kind describes the service.
func Kind() system.Kind {
	return system.Kind{
		Name: "login", Title: "Login and tokens", Line: "passwords, renewals and sessions, on one processor",
		Gate: "Processor", Provider: "Accounts",
		Ops: Ops(), Choices: []lab.Pattern{attempts(), rotation(), signed()}, Visits: visits, Model: newModel,
	}
}

func rotation() lab.Pattern {
	return lab.DefineChoice(lab.Pattern{
		Name: "rotation", Title: "Login: token rotation", System: "login", Line: "each renewal gives a new token, and an old one that comes again ends the session",
		Events: []string{"stolen_accepted", "reuse_detected", "forced_logins"},
	}, placeRotation, func() Rotation { return Rotation{} })
}

func signed() lab.Pattern {
	return lab.DefineChoice(lab.Pattern{
		Name: "signed", Title: "Login: signed tokens", System: "login", Line: "checks a session by its signature alone, and so cannot call it back",
		Events: []string{"checked_locally", "revoked_accepted"},
	}, placeSigned, func() Signed { return Signed{TTL: 5 * time.Minute} })
}

// Ops returns the operations; index i describes Op i.
func Ops() []system.Op {
	op := func(name, method, path, body, priority string, p lab.Priority, title string, read bool) system.Op {
		return system.Op{Op: load.Op{Name: name, Method: method, Path: path, Body: body, Priority: priority}, Title: title, Priority: p, Read: read}
	}
	return []system.Op{
		Login:  op("login", "POST", "/sessions/{key}", `{"password":"password of {key}"}`, "normal", lab.Normal, "Sign in", false),
		Guess:  op("guess-password", "POST", "/sessions/{key}/guess", `{"password":"123456"}`, "normal", lab.Normal, "Guess a password", false),
		Renew:  op("renew-token", "POST", "/tokens/{key}", "", "high", lab.High, "Renew a token", false),
		Replay: op("replay-token", "POST", "/tokens/{key}/replay", "", "normal", lab.Normal, "Use a stolen token", false),
		// Not to be cached: a session that has ended must not look alive.
		Check:  op("check-session", "GET", "/sessions/{key}", "", "high", lab.High, "Check a session", false),
		Logout: op("logout", "DELETE", "/sessions/{key}", "", "normal", lab.Normal, "Sign out", false),
	}
}

// visits is what each operation asks of the processor.
func visits(r *lab.Request, out []system.Visit) []system.Visit {
	switch {
	case r.Op == Login || r.Op == Guess:
		return append(out, system.Visit{Door: system.Gate, Times: 1 + hashQuanta})
	case r.Op == Check && lab.Chosen[Signed](r, placeSigned) != nil:
		return out
	default:
		return append(out, system.Visit{Door: system.Gate, Times: 1})
	}
}
