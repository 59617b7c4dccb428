package progress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"workbench/exercises/plug"
)

// What is plugged in is of this machine and no part of an export: code that was
// accepted elsewhere must not begin to run here because a file was read in.

// SetPlug implements plug.Keeper.
func (p *Progress) SetPlug(ctx context.Context, k plug.Kept) error {
	files, err := json.Marshal(k.Files)
	if err != nil {
		return fmt.Errorf("remember what is plugged in: %w", err)
	}
	if _, err := p.db.ExecContext(ctx, "INSERT OR REPLACE INTO plug (pattern, slug, digest, files) VALUES (?, ?, ?, ?)", k.Pattern, k.Slug, k.Digest, string(files)); err != nil {
		return fmt.Errorf("remember what is plugged in: %w", err)
	}
	return nil
}

// DropPlug implements plug.Keeper.
func (p *Progress) DropPlug(ctx context.Context, pattern string) error {
	if _, err := p.db.ExecContext(ctx, "DELETE FROM plug WHERE pattern = ?", pattern); err != nil {
		return fmt.Errorf("forget what was plugged in: %w", err)
	}
	return nil
}

// Plugs implements plug.Keeper.
func (p *Progress) Plugs(ctx context.Context) (_ []plug.Kept, err error) {
	rows, err := p.db.QueryContext(ctx, "SELECT pattern, slug, digest, files FROM plug ORDER BY pattern")
	if err != nil {
		return nil, fmt.Errorf("list what is plugged in: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []plug.Kept
	for rows.Next() {
		var k plug.Kept
		var files string
		if err := rows.Scan(&k.Pattern, &k.Slug, &k.Digest, &files); err != nil {
			return nil, fmt.Errorf("list what is plugged in: %w", err)
		}
		if err := json.Unmarshal([]byte(files), &k.Files); err != nil {
			return nil, fmt.Errorf("what is plugged in for %s: %w", k.Pattern, err)
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

var _ plug.Keeper = (*Progress)(nil)
