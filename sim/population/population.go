package population

import "workbench/sim/dist"

// sharing is how many users share an address on average.
const sharing = 4

// Items that do not exist are numbered from freshFrom, above every number that
// a store may hold, and there are fresh of them.
const (
	freshFrom = 1 << 60
	fresh     = 1 << 40
)

// Population draws who asks for what. It keeps nothing for each user, so a
// million users cost no more than ten, and does not allocate. It is safe for
// concurrent use; the streams it draws from are not. Use New.
type Population struct {
	spec      Spec
	users     *dist.Zipf
	keys      *dist.Zipf
	addresses uint64
	mix       []float64 // running sum of the operations' shares, 1 at the end
	ops       []uint8   // what each entry of mix stands for
}

// New returns the population that spec describes; ops names the operations of
// the service, which Pick.Op indexes. It returns an error that names each field in the wrong.
func New(spec Spec, ops []string) (*Population, error) {
	if err := spec.Validate(ops); err != nil {
		return nil, err
	}
	spec = spec.WithDefaults()
	users, err := dist.NewZipf(spec.Users, spec.UserSkew)
	if err != nil {
		return nil, err
	}
	keys, err := dist.NewZipf(spec.Keys, spec.KeySkew)
	if err != nil {
		return nil, err
	}
	p := &Population{spec: spec, users: users, keys: keys, addresses: spec.Users/sharing + 1}
	p.setMix(ops)
	return p, nil
}

func (p *Population) setMix(ops []string) {
	mix := p.spec.Mix
	if len(mix) == 0 {
		mix = []Weight{{Op: ops[0], Weight: 1}}
	}
	var sum, run float64
	for _, w := range mix {
		sum += w.Weight
	}
	for _, w := range mix {
		if w.Weight == 0 {
			continue
		}
		run += w.Weight
		p.mix = append(p.mix, run/sum)
		p.ops = append(p.ops, index(ops, w.Op))
	}
	p.mix[len(p.mix)-1] = 1
}

// index returns the place of name in ops, which Validate has found there.
func index(ops []string, name string) uint8 {
	for i, op := range ops {
		if op == name {
			return uint8(i)
		}
	}
	return 0
}

// Pick draws one request.
func (p *Population) Pick(r *dist.Stream) Pick {
	var out Pick
	if u := r.Float64(); u < p.spec.Abuser.Share {
		out.User = p.spec.Abuser.User
	} else {
		out.User = 1 + dist.Scramble(p.users.Draw(r)-1, p.spec.Users)
	}
	switch u := r.Float64(); {
	case u < p.spec.Hot.Share:
		out.Key = p.spec.Hot.Key
	case u < p.spec.Hot.Share+p.spec.Fresh:
		out.Key = freshFrom + r.IntN(fresh)
	default:
		out.Key = 1 + dist.Scramble(p.keys.Draw(r)-1, p.spec.Keys)
	}
	u := r.Float64()
	i := 0
	for u >= p.mix[i] {
		i++
	}
	out.Op = p.ops[i]
	out.IP = p.Address(out.User)
	out.Token = out.User
	out.High = p.Premium(out.User)
	return out
}

// Address returns the address of a user: up to four users share one.
func (p *Population) Address(user uint64) uint64 { return 1 + (user-1)%p.addresses }

// Premium reports whether a user is a premium one: the same users in every run.
func (p *Population) Premium(user uint64) bool {
	return float64(dist.Mix(user)>>11)*0x1p-53 < p.spec.Premium
}

// Spec returns what the population was made from, with the defaults filled in.
func (p *Population) Spec() Spec { return p.spec }
