package code

import (
	"net/http"
	"strings"
)

// guide:begin etag

// Tagged answers a GET with the page, or with 304 when the caller has it
// already. The tag comes from the version of the data, which is cheap to know:
// a tag that is the hash of the page needs the page.
func Tagged(version func(path string) string, page func(path string) []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tag := `"` + version(r.URL.Path) + `"`
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", "private, no-cache") // keep it, and ask before each use
		if holds(r.Header.Values("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified) // no body
			return
		}
		_, _ = w.Write(page(r.URL.Path)) // an error means that the caller has gone
	})
}

// holds reports whether a list of tags names this one. For a GET a weak tag is
// as good as a strong one, and a star stands for any.
func holds(lists []string, tag string) bool {
	for _, list := range lists {
		for one := range strings.SplitSeq(list, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// guide:end
