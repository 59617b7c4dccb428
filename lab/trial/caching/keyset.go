package caching

import (
	"fmt"
	"time"

	"workbench/lab/knob"
	"workbench/lab/trial"
)

// The course of a run: calm, made-up ids with a rotation in the middle of them,
// a time in which the old key is withdrawn, and an issuer that is down.
const (
	floodAt   = 30 * time.Second
	rotateAt  = 45*time.Second + 500*time.Millisecond // between two fetches for made-up ids
	calmAt    = 60 * time.Second
	downAt    = 110 * time.Second
	restFor   = 10 * time.Second // after the outage
	tokenLife = 30 * time.Second
	idsKept   = 1000 // made-up ids that are remembered, at most
)

// keySetKnobs are the settings of KeySet.
type keySetKnobs struct {
	Way      string        `knob:"way" options:"each,ever,cached" help:"where a checker has its keys from: a fetch for each token, one fetch for ever, or a cache"`
	TTL      time.Duration `knob:"ttl" min:"0s" max:"1h" help:"how long a cached set is believed; 0: not at all"`
	Ahead    time.Duration `knob:"ahead" min:"0s" max:"1h" help:"how long before its end a set is fetched anew; 0: at its end"`
	Stale    time.Duration `knob:"stale" min:"0s" max:"1h" help:"how long after its end a set still serves while the issuer is down"`
	Gap      time.Duration `knob:"gap" min:"0s" max:"1h" help:"between two fetches for ids that are not in the set, and after one that failed; 0: none"`
	Negative time.Duration `knob:"unknown_ttl" min:"0s" max:"1h" help:"how long an id that the issuer did not know is not asked for again; 0: not at all"`
	Publish  time.Duration `knob:"publish" min:"0s" max:"45s" help:"how long before it signs the issuer shows a new key"`
	Keep     time.Duration `knob:"keep" min:"0s" max:"60s" help:"how long after it signed last the issuer shows the old key; tokens live 30 s"`
	Cost     time.Duration `knob:"cost" min:"0s" max:"500ms" help:"the issuer's work for one fetch"`
	Rate     int           `knob:"rate" unit:"tokens/s" min:"10" max:"500" help:"good tokens that are checked"`
	Flood    int           `knob:"flood" unit:"tokens/s" min:"0" max:"2000" help:"tokens with made-up ids, for 30 s around the rotation"`
	IDs      int           `knob:"ids" min:"1" max:"100000" help:"made-up ids that they take turns with"`
	Down     time.Duration `knob:"down" min:"1s" max:"5m" help:"how long the issuer is down"`
}

// Validate implements knob.Validator.
func (k *keySetKnobs) Validate() error {
	if k.Ahead > 0 && k.TTL > 0 && k.Ahead >= k.TTL {
		return knob.Wrong("ahead", fmt.Sprintf("%v with a ttl of %v", k.Ahead, k.TTL), "less than the ttl: each token would start a fetch")
	}
	return nil
}

func (k *keySetKnobs) end() time.Duration { return downAt + k.Down + restFor }

// KeySet compares ways to come by the keys that tokens are checked with.
func KeySet() trial.Trial {
	return trial.Trial{
		Name: "key-set", Title: "The keys that tokens are checked with", Chapter: 4,
		Question: "A service checks 50 tokens a second, and fetches the issuer's public keys for each. What happens to good tokens while somebody sends 200 a second with made-up key ids, and while the issuer is down?",
		Lesson:   "Keep the key set for minutes, renew it before it ends, keep the old one while the issuer is down, and ask for unknown ids once in a while only: whoever sends a token chooses the id in it. For ever is wrong too: new keys are refused, and withdrawn ones believed.",
		Knobs: func() any {
			return &keySetKnobs{
				Way: "cached", TTL: 10 * time.Second, Ahead: 3 * time.Second, Stale: time.Minute, Gap: time.Second, Negative: 30 * time.Second,
				Publish: 10 * time.Second, Keep: tokenLife, Cost: 5 * time.Millisecond, Rate: 50, Flood: 200, IDs: 1000, Down: 30 * time.Second,
			}
		},
		Wrong: map[string]any{"way": "each"}, Right: map[string]any{"way": "cached"},
		Run: keySet,
	}
}
