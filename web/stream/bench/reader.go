package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"workbench/sim/clock"
)

// received is what pages got in all.
type received struct {
	bytes, frames int           // of the streams, after each one's first event
	page          time.Duration // until the first page was there, whole
	pageBytes     int
	first         time.Duration // until a stream's first frame, the longest
}

// read gets a page, then opens streams and reads them all for a while.
func read(ctx context.Context, c *clock.Wall, url string, pages int, length time.Duration) (received, error) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	start := c.Now()
	body, err := get(ctx, client, url+"/")
	if err != nil {
		return received{}, err
	}
	page, err := io.ReadAll(body)
	if err = errors.Join(err, body.Close()); err != nil {
		return received{}, fmt.Errorf("read the page: %w", err)
	}
	sum := received{page: c.Now() - start, pageBytes: len(page)}
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var mu sync.Mutex
	var readers sync.WaitGroup
	var faults []error
	for range pages {
		readers.Go(func() {
			one, err := follow(ctx, c, client, url+"/api/lab/stream")
			mu.Lock()
			defer mu.Unlock()
			sum.bytes += one.bytes
			sum.frames += one.frames
			sum.first = max(sum.first, one.first)
			if err != nil {
				faults = append(faults, err)
			}
		})
	}
	<-ctx.Done()
	readers.Wait()
	return sum, errors.Join(faults...)
}

func get(ctx context.Context, client *http.Client, url string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", url, err)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("get %s: %s", url, res.Status), res.Body.Close())
	}
	return res.Body, nil
}

// follow reads one stream until ctx ends.
func follow(ctx context.Context, c *clock.Wall, client *http.Client, url string) (received, error) {
	var got received
	start := c.Now()
	body, err := get(ctx, client, url)
	if err != nil {
		return got, err
	}
	defer body.Close()
	lines := bufio.NewReaderSize(body, 64<<10)
	events := 0
	for {
		line, err := lines.ReadSlice('\n')
		if bytes.HasPrefix(line, []byte("event: ")) {
			events++
		}
		if events > 1 { // the first holds the whole lab and comes once
			got.bytes += len(line)
		}
		if bytes.Equal(line, []byte("event: frame\n")) {
			if got.frames++; got.frames == 1 {
				got.first = c.Now() - start
			}
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull): // the rest of a long line follows
		case ctx.Err() != nil:
			return got, nil
		case err != nil:
			return got, fmt.Errorf("read the stream: %w", err)
		}
	}
}
