package instance

import (
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"

	"workbench/lab"
)

// describe lets caches use a good answer to a read: its lifetime, what it depends
// on, and a validator. It reports whether the client has the answer already, so
// that 304 is enough. The work has been done all the same: a validator saves the
// bytes, and only a lifetime saves the work.
func (i *Instance) describe(h, asked http.Header, r *lab.Request, res lab.Response) (unmodified bool) {
	if i.cfg.Control == nil || !r.Read || res.Outcome != lab.OK || res.Accepted {
		return false
	}
	control := i.cfg.Control()
	if control == "" {
		return false
	}
	sum := fnv.New64a()
	_, _ = sum.Write(res.Body) // it has no errors
	tag := `"` + strconv.FormatUint(sum.Sum64(), 16) + `"`
	h["Cache-Control"], h["Vary"], h["Etag"] = []string{control}, []string{"Accept"}, []string{tag}
	for _, line := range asked["If-None-Match"] {
		for one := range strings.SplitSeq(line, ",") {
			if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == tag {
				return !res.Missing
			}
		}
	}
	return false
}
