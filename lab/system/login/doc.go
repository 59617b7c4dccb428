// Package login is the demo service that signs people in: check a password, renew
// a token, check a session, sign out.
//
// A password is slow to check on purpose, and the processor that does it is the
// one that everything else needs. The hash here is real but short; what a strong
// one would take stands in the gate of the scenario, quantum by quantum, so that
// the machine that the workbench runs on is not the thing that is measured.
//
// Simulated people have no memory, so the service keeps their renewal tokens for
// them: a renewal stands for the token that the device holds, and a replay for
// the one that was used before it, in the hands of a thief.
package login
