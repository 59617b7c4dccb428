package instance

import (
	"crypto/subtle"
	"net/http"
	"strconv"

	"workbench/lab"
)

// headerPass carries what shows that a request came through the balancer.
const headerPass = "Workbench-Pass"

// passed refuses requests that do not show the pass, if there is one. Probes and
// the pages of Config.Also are for everybody.
func (i *Instance) passed(next http.Handler) http.Handler {
	if i.cfg.Pass == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		open := r.URL.Path == "/healthz" || r.URL.Path == "/readyz" || i.cfg.Also[r.URL.Path] != nil
		if open || subtle.ConstantTimeCompare([]byte(header(r.Header, headerPass)), []byte(i.cfg.Pass)) == 1 {
			next.ServeHTTP(w, r)
			return
		}
		body := problem{Status: http.StatusForbidden, Detail: "this instance serves what its lab's balancer sends: ask there", Field: headerPass}.encode()
		h := w.Header()
		h["Workbench-Instance"], h["Content-Type"] = i.words.name, i.words.problem
		h["Workbench-Outcome"], h["Workbench-Reason"] = i.words.outcome[lab.Failed], []string{string(lab.ReasonBad)}
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write(body) // its only error is that the client has left
	})
}
