// Package population draws who asks for what: users, their addresses and
// tokens, items with popular ones among them, and operations.
//
// In an open model no record is kept for a user: one stream of arrivals and a
// user drawn for each is the same as a million users who each ask now and then.
package population

// Spec says who asks for what. The zero value of a field means its default.
type Spec struct {
	Users    uint64   `yaml:"users" json:"users"`         // how many distinct users; default 10,000
	UserSkew float64  `yaml:"user_skew" json:"user_skew"` // Zipf exponent over users; 0: all alike
	Keys     uint64   `yaml:"keys" json:"keys"`           // how many distinct items; default 1,000
	KeySkew  float64  `yaml:"key_skew" json:"key_skew"`   // Zipf exponent over items; 0: all alike
	Fresh    float64  `yaml:"fresh" json:"fresh"`         // share of requests for an item that does not exist
	Mix      []Weight `yaml:"mix" json:"mix"`             // operations and how often each is asked for; default: the first operation only
	Hot      Hot      `yaml:"hot" json:"hot"`
	Abuser   Abuser   `yaml:"abuser" json:"abuser"`
	Premium  float64  `yaml:"premium" json:"premium"` // share of users whose requests have High priority
}

// Weight is one entry of a mix.
type Weight struct {
	Op     string  `yaml:"op" json:"op"`
	Weight float64 `yaml:"weight" json:"weight"`
}

// Hot is one item that draws a share of all requests by itself.
type Hot struct {
	Share float64 `yaml:"share" json:"share"`
	Key   uint64  `yaml:"key" json:"key"`
}

// Abuser is one user who makes a share of all requests by itself.
type Abuser struct {
	Share float64 `yaml:"share" json:"share"`
	User  uint64  `yaml:"user" json:"user"`
}

// Pick is one drawn request. Op indexes the names given to New. Users,
// addresses, tokens and items are numbered from 1; several users may share an
// address, and each has a token of its own. Items above Spec.Keys do
// not exist; those drawn by Fresh are above 2^60, where no store has any.
type Pick struct {
	User, IP, Token, Key uint64
	Op                   uint8
	High                 bool // the user is a premium one
}
