package code

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// guide:begin client

// NewClient returns the one client that the whole program shares. The default
// transport keeps two idle connections for each host and waits for ever.
func NewClient(idle int) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = idle
	t.ResponseHeaderTimeout = 2 * time.Second
	return &http.Client{Transport: t, Timeout: 5 * time.Second}
}

// guide:end

// guide:begin drain

// Get returns a page of at most a megabyte. Only a body that was read to its
// end gives its connection back.
func Get(ctx context.Context, client *http.Client, url string) (page []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", url, err)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", url, err)
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	const most = 1 << 20
	if page, err = io.ReadAll(io.LimitReader(res.Body, most)); err != nil {
		return nil, fmt.Errorf("read %s: %w", url, err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: got the status %s, want 200", url, res.Status)
	}
	return page, nil
}

// guide:end
