package caching

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"workbench/sim/dist"
)

// Why an issuer's keys do not come.
var (
	errIssuerDown = errors.New("the issuer does not answer")
	errIssuerBusy = errors.New("the issuer has more fetches before this one than it can answer in time")
)

// Why a token is refused.
var (
	errForged  = errors.New("the signature is not of this key")
	errExpired = errors.New("the token has ended")
)

// issuerPatience is how long a fetch waits for its turn at the issuer.
const issuerPatience = time.Second

// signed is a token: the id of the key it says it is signed with, what it says,
// and the signature.
type signed struct {
	kid  string
	body []byte // account and end
	sig  []byte
}

// issued is a key pair and its life: it is in the key set from shown until
// withdrawn, and signs from signs until the next one does.
type issued struct {
	kid                     string
	private                 ed25519.PrivateKey
	shown, signs, withdrawn time.Duration
}

// issuer signs tokens with the key of the hour, and answers fetches of its key
// set one after another.
type issuer struct {
	keys     []issued // in the order in which they sign
	cost     time.Duration
	from, to time.Duration // of its outage

	busy    time.Duration // until when it works on fetches that were sent
	fetches int           // that were sent to it, those in vain among them
}

// newIssuer returns one with a key that signs until rotate, and one after it.
func newIssuer(seed uint64, k *keySetKnobs) *issuer {
	draw := dist.New(seed, "key-set")
	pair := func(kid string) issued {
		var seed [ed25519.SeedSize]byte
		for i := 0; i < len(seed); i += 8 {
			binary.LittleEndian.PutUint64(seed[i:], draw.Uint64())
		}
		return issued{kid: kid, private: ed25519.NewKeyFromSeed(seed[:])}
	}
	old, next := pair("2026-01"), pair("2026-02")
	old.withdrawn = rotateAt + k.Keep
	next.shown, next.signs, next.withdrawn = rotateAt-k.Publish, rotateAt, k.end()
	return &issuer{keys: []issued{old, next}, cost: k.Cost, from: downAt, to: downAt + k.Down}
}

// sign returns a token of an instant, which lives for life.
func (i *issuer) sign(at time.Duration, account uint64) signed {
	by := i.keys[0]
	if at >= i.keys[1].signs {
		by = i.keys[1]
	}
	return by.sign(at, account)
}

func (k issued) sign(at time.Duration, account uint64) signed {
	body := binary.LittleEndian.AppendUint64(nil, account)
	body = binary.LittleEndian.AppendUint64(body, uint64(at+tokenLife))
	return signed{kid: k.kid, body: body, sig: ed25519.Sign(k.private, body)}
}

// fetch answers with the key set of an instant.
func (i *issuer) fetch(now time.Duration) (map[string]ed25519.PublicKey, error) {
	i.fetches++
	if now >= i.from && now < i.to {
		return nil, errIssuerDown
	}
	begin := max(now, i.busy)
	if begin+i.cost-now > issuerPatience {
		return nil, errIssuerBusy
	}
	i.busy = begin + i.cost
	out := map[string]ed25519.PublicKey{}
	for _, k := range i.keys {
		if now >= k.shown && now < k.withdrawn {
			out[k.kid] = k.private.Public().(ed25519.PublicKey)
		}
	}
	return out, nil
}

// check verifies a token with a key.
func (t signed) check(key ed25519.PublicKey, now time.Duration) error {
	if !ed25519.Verify(key, t.body, t.sig) {
		return fmt.Errorf("a token by key %.40q: %w", t.kid, errForged)
	}
	if end := time.Duration(binary.LittleEndian.Uint64(t.body[8:])); now >= end {
		return fmt.Errorf("a token that ended at %v, and it is %v: %w", end, now, errExpired)
	}
	return nil
}
