package plug

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"

	"workbench/exercises/shelf"
)

// Kept is what is remembered of an answer that is plugged in.
type Kept struct {
	Pattern string            // in whose place it decides; there is one for each
	Slug    string            // of its exercise
	Digest  string            // of its files; see Digest
	Files   map[string]string // as they were accepted
}

// Keeper remembers what is plugged in. What it was told is on disk when a method
// returns.
type Keeper interface {
	// SetPlug remembers an answer in the place of what its pattern had.
	SetPlug(context.Context, Kept) error
	// DropPlug forgets what is remembered for a pattern, if anything is.
	DropPlug(ctx context.Context, pattern string) error
	// Plugs returns all that is remembered, by pattern.
	Plugs(context.Context) ([]Kept, error)
}

// Digest returns a fingerprint of an answer's files, in hexadecimal.
func Digest(files map[string]string) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, text := range []string{name, files[name]} {
			_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))) // a hash takes everything
			_, _ = h.Write([]byte(text))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// errChanged is what becomes of an answer whose files are not those that were
// accepted.
var errChanged = errors.New("its files are not those that were accepted; check it and plug it in again")

// Resume compiles what an earlier process had plugged in and plugs it in again,
// one after the other and beside everything else. Meanwhile, and where that does
// not succeed, ours decides; Again says how far it is. Close ends it.
func (d *Desk) Resume(ctx context.Context, all *shelf.Shelf) error {
	kept, err := d.cfg.Keep.Plugs(ctx)
	if err != nil {
		return fmt.Errorf("read what was plugged in: %w", err)
	}
	for _, k := range kept {
		d.say(k, "waits to be compiled again")
	}
	d.work.Go(func() {
		for _, k := range kept {
			d.resume(k, all)
		}
	})
	return nil
}

// resume plugs in one answer again.
func (d *Desk) resume(k Kept, all *shelf.Shelf) {
	select {
	case d.busy <- struct{}{}:
		defer func() { <-d.busy }()
	case <-d.life.Done():
		return
	}
	if now := d.cfg.Lab.Plugged(k.Pattern); now != "" || d.Again(k.Slug) == "" {
		d.say(k, "") // somebody has plugged something in meanwhile, or taken it out
		return
	}
	d.say(k, "is being compiled again")
	err := d.again(k, all)
	switch {
	case d.life.Err() != nil: // the next start takes it up
	case err != nil:
		d.cfg.Log.Warn("what was plugged in is not any more", "exercise", k.Slug, "pattern", k.Pattern, "error", err)
		d.say(k, fmt.Sprintf("was plugged in and could not be again, so ours decides: %v", err))
	default:
		d.cfg.Log.Info("plugged in again", "exercise", k.Slug, "pattern", k.Pattern)
		d.say(k, "")
	}
}

func (d *Desk) again(k Kept, all *shelf.Shelf) error {
	e, err := all.Find(k.Slug)
	switch {
	case err != nil:
		return err
	case e.Plug == nil || e.Plug.Pattern != k.Pattern:
		return fmt.Errorf("%w any more: %s", ErrNoSlot, e.Slug)
	case Digest(k.Files) != k.Digest:
		return errChanged
	}
	return d.plug(d.life, e, k.Files)
}

// say notes how far an answer is that an earlier process had plugged in, here
// and beside its pattern in the lab; empty: there is nothing to say.
func (d *Desk) say(k Kept, text string) {
	d.mu.Lock()
	if text == "" {
		delete(d.resumed, k.Slug)
	} else {
		d.resumed[k.Slug] = text
	}
	d.mu.Unlock()
	if text != "" {
		text = "the answer to " + k.Slug + " " + text
	}
	d.cfg.Lab.Remark(k.Pattern, text)
}

// Again says of an exercise's answer what has become of it since the workbench
// was started again: "is being compiled again". Empty: there is nothing to say.
func (d *Desk) Again(slug string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.resumed[slug]
}

// Close ends what Resume has begun, and waits for it.
func (d *Desk) Close() error {
	d.end()
	d.work.Wait()
	return nil
}

// Settle waits until Resume has done all that it can.
func (d *Desk) Settle() { d.work.Wait() }
