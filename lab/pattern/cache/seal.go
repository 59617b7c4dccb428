package cache

import (
	"encoding/binary"
	"errors"
	"hash/maphash"
	"time"

	"workbench/lab"
)

// seal turns answers into texts that a learner's solution keeps, and knows its
// own texts again: what comes back was brought by a load for that very key, or
// it is not taken. A solution that mixes up keys, or makes answers up, would give
// one caller what is another's.
type seal struct{ seed maphash.Seed }

// errSeal is returned for a text that no load for its key has brought.
var errSeal = errors.New("an answer that no load of this key has brought")

const sealSize = 8

// flags of a sealed answer.
const (
	sealMissing = 1 << iota
	sealAccepted
)

// write seals an answer that was loaded at now.
func (s seal) write(key string, now time.Duration, res *lab.Response) []byte {
	flags := byte(0)
	if res.Missing {
		flags |= sealMissing
	}
	if res.Accepted {
		flags |= sealAccepted
	}
	b := make([]byte, sealSize, sealSize+32+len(res.Reason)+len(res.Location)+len(res.Body))
	b = append(b, byte(res.Outcome), flags)
	b = binary.AppendVarint(b, int64(res.Status))
	for _, d := range []time.Duration{now, res.Age, res.RetryAfter} {
		b = binary.AppendVarint(b, int64(d))
	}
	for _, text := range []string{string(res.Reason), res.Location} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	b = append(b, res.Body...)
	binary.LittleEndian.PutUint64(b, s.sum(key, b[sealSize:]))
	return b
}

func (s seal) sum(key string, b []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	_, _ = h.WriteString(key) // a hash takes everything
	_ = h.WriteByte(0)
	_, _ = h.Write(b)
	return h.Sum64()
}

// known returns errSeal for a text that write did not make for this key.
func (s seal) known(key string, b []byte) error {
	if len(b) < sealSize+2 || binary.LittleEndian.Uint64(b) != s.sum(key, b[sealSize:]) {
		return errSeal
	}
	return nil
}

// read opens a text of a known seal, and says when its load ended.
func (s seal) read(key string, b []byte) (res lab.Response, loaded time.Duration, err error) {
	if err := s.known(key, b); err != nil {
		return res, 0, err
	}
	res.Outcome, res.Missing, res.Accepted = lab.Outcome(b[sealSize]), b[sealSize+1]&sealMissing != 0, b[sealSize+1]&sealAccepted != 0
	b = b[sealSize+2:]
	var figures [4]int64
	for i := range figures {
		v, n := binary.Varint(b)
		if n <= 0 {
			return lab.Response{}, 0, errSeal
		}
		figures[i], b = v, b[n:]
	}
	res.Status, loaded, res.Age, res.RetryAfter = int(figures[0]), time.Duration(figures[1]), time.Duration(figures[2]), time.Duration(figures[3])
	var texts [2]string
	for i := range texts {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return lab.Response{}, 0, errSeal
		}
		texts[i], b = string(b[n:n+int(size)]), b[n+int(size):]
	}
	res.Reason, res.Location = lab.Reason(texts[0]), texts[1]
	if len(b) > 0 {
		res.Body = b
	}
	return res, loaded, nil
}
