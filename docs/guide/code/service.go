package code

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// Service is the complete example: a handler and what protects it.
type Service struct {
	Quota   func(caller string) bool // false: over quota
	Copies  *Flight                  // one load for all who ask for the same
	Gate    Gate                     // how many loads at once
	Limit   time.Duration            // of a load
	Patient time.Duration            // how long a user waits
	Load    func(ctx context.Context, path string) (string, error)
	Old     func(path string) (answer string, age time.Duration, ok bool) // the last good answer
}

// guide:begin service

// ServeHTTP refuses first what is cheap to refuse, lets those who ask for the
// same share one load, bounds how many loads there are, and has an old answer
// for when all that fails.
func (s Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.Quota(r.Header.Get("X-Caller")) {
		Refuse(w, ErrQuota, time.Second)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.Patient)
	defer cancel()
	answer, err := s.Copies.Get(ctx, r.URL.Path, func(ctx context.Context) (out string, err error) {
		err = s.Gate.Do(ctx, s.Limit, func(ctx context.Context) (err error) {
			out, err = s.Load(ctx, r.URL.Path)
			return err
		})
		return out, err
	})
	if err != nil {
		old, age, ok := s.Old(r.URL.Path)
		if !ok {
			Refuse(w, err, time.Second)
			return
		}
		w.Header().Set("Age", strconv.Itoa(int(age.Seconds()))) // say that it is old, and how old
		answer = old
	}
	_, _ = w.Write([]byte(answer)) // an error means that the caller has gone
}

// guide:end
