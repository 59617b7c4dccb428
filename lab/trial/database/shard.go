package database

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"workbench/lab/trial"
	"workbench/sim/dist"
)

// shardKnobs are the settings of Shards.
type shardKnobs struct {
	Way    string  `knob:"way" options:"bounded,ring,modulo" help:"where a key lives: on a ring whose shards refuse more than their share, on a plain ring, or by the hash's remainder"`
	Shards int     `knob:"shards" min:"2" max:"16" help:"shards before one is added"`
	Users  int     `knob:"users" min:"1000" max:"500000" help:"users with a row each, asked for by Zipf's law: some much more than others"`
	Slack  float64 `knob:"slack" min:"0.01" max:"1" help:"how much above the mean a shard's traffic may be on a bounded ring"`
}

// ringPoints is at how many points of a ring each shard stands.
const ringPoints = 200

// Shards adds a shard to a database that is split over several files, and
// counts the rows that move and the traffic of the hottest shard.
func Shards() trial.Trial {
	return trial.Trial{
		Name: "sharding", Title: "One shard more", Chapter: 5,
		Question: "100,000 users live on 4 shards by the remainder of their hash. A fifth shard is added. How many users move?",
		Lesson:   "By the remainder nearly everybody moves; on a ring only those whom the new shard takes. A ring alone does not level the load: bound what a shard takes, and send the rest on.",
		Knobs:    func() any { return &shardKnobs{Way: "bounded", Shards: 4, Users: 100_000, Slack: .1} },
		Wrong:    map[string]any{"way": "modulo"}, Right: map[string]any{"way": "bounded"},
		Run: shards,
	}
}

func shards(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (res trial.Result, err error) {
	k := knobs.(*shardKnobs)
	weights := popularity(k.Users)
	before, after := place(k, k.Shards, weights), place(k, k.Shards+1, weights)
	files := make([]*sql.DB, 0, k.Shards+1)
	defer func() {
		for _, db := range files {
			err = errors.Join(err, db.Close())
		}
	}()
	for i := range k.Shards + 1 {
		db, err := scratch(ctx, env, fmt.Sprintf("shard-%d.db", i), `CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)`)
		if err != nil {
			return res, err
		}
		files = append(files, db)
	}
	tell(trial.Step{Text: "fills the shards", Total: k.Users})
	empty := make([]int, k.Users)
	for i := range empty {
		empty[i] = -1 // nowhere yet
	}
	if _, err := move(ctx, files, empty, before); err != nil {
		return res, err
	}
	tell(trial.Step{Text: "adds a shard", Total: k.Users})
	began := env.Clock.Now()
	moved, err := move(ctx, files, before, after)
	if err != nil {
		return res, err
	}
	took := env.Clock.Now() - began
	if res.Component, err = component(ctx, files[0], fmt.Sprintf("%d files, one for each shard", k.Shards+1)); err != nil {
		return res, err
	}
	res.Columns = []trial.Column{{Title: "shard"}, {Title: "users before"}, {Title: "users after"}, {Title: "traffic before"}, {Title: "traffic after"}}
	was, is := traffic(before, weights, k.Shards+1), traffic(after, weights, k.Shards+1)
	for i, db := range files {
		var n int
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM users`).Scan(&n); err != nil {
			return res, fmt.Errorf("count the users of shard %d: %w", i, err)
		}
		res.Rows = append(res.Rows, []string{fmt.Sprint(i + 1), trial.Count(count(before, i)), trial.Count(n), trial.Number(100*was[i], "%"), trial.Number(100*is[i], "%")})
	}
	even := 1 / float64(k.Shards+1)
	res.Claims = []trial.Claim{
		trial.AtMost("users that moved", trial.Percent(moved, k.Users), 100*min(.5, 2*even), "%"),
		trial.AtMost("traffic of the hottest shard, over the mean", slices.Max(is)/even, 1+k.Slack+.001, "×"),
	}
	res.Notes = []trial.Note{{Title: "What moving costs", Text: fmt.Sprintf("%s rows were copied to another file and deleted in their own in %s; an even share for the new shard would be %s.", trial.Count(moved), trial.Took(took), trial.Count(k.Users/(k.Shards+1)))}}
	return res, nil
}

// popularity returns the share of the traffic that each user gets: the n-th
// gets 1/n of what the first gets.
func popularity(users int) []float64 {
	out := make([]float64, users)
	sum := 0.
	for i := range out {
		out[i] = 1 / float64(i+1)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// hashOf spreads users and points evenly. Names of users and of points never
// meet: a point has bits that no user has.
func hashOf(n uint64) uint64 { return dist.Mix(n) }

// point is one place of a shard on the ring.
type point struct {
	at    uint64
	shard int
}

// ring returns the points of some shards in the order of the ring.
func ring(shards int) []point {
	var out []point
	for s := range shards {
		for i := range ringPoints {
			out = append(out, point{hashOf(1<<40 | uint64(s)<<20 | uint64(i)), s})
		}
	}
	slices.SortFunc(out, func(a, b point) int { return cmp.Compare(a.at, b.at) })
	return out
}

// place returns the shard of each user. On a bounded ring a user goes on to the
// next shard that has room for its traffic.
func place(k *shardKnobs, shards int, weights []float64) []int {
	out := make([]int, len(weights))
	if k.Way == "modulo" {
		for i := range out {
			out[i] = int(hashOf(uint64(i)) % uint64(shards))
		}
		return out
	}
	points, load := ring(shards), make([]float64, shards)
	limit := (1 + k.Slack) / float64(shards)
	for i := range out {
		h := hashOf(uint64(i))
		at, _ := slices.BinarySearchFunc(points, h, func(p point, h uint64) int { return cmp.Compare(p.at, h) })
		for step := range points {
			s := points[(at+step)%len(points)].shard
			if k.Way == "ring" || load[s]+weights[i] <= limit || step == len(points)-1 {
				out[i] = s
				load[s] += weights[i]
				break
			}
		}
	}
	return out
}

// traffic returns each shard's share of the traffic.
func traffic(at []int, weights []float64, shards int) []float64 {
	out := make([]float64, shards)
	for i, s := range at {
		out[s] += weights[i]
	}
	return out
}

func count(at []int, shard int) int {
	n := 0
	for _, s := range at {
		if s == shard {
			n++
		}
	}
	return n
}

// move brings each user's row from its old shard, if it had one, to its new one,
// and returns how many it moved.
func move(ctx context.Context, files []*sql.DB, from, to []int) (moved int, err error) {
	open := make([]*sql.Tx, len(files))
	defer func() {
		for _, tx := range open {
			if tx == nil {
				continue
			}
			if err == nil {
				err = tx.Commit()
			} else {
				err = errors.Join(err, tx.Rollback())
			}
		}
	}()
	for i, db := range files {
		if open[i], err = db.BeginTx(ctx, nil); err != nil {
			return 0, fmt.Errorf("begin on shard %d: %w", i, err)
		}
	}
	for user, shard := range to {
		if from[user] == shard {
			continue
		}
		moved++
		if old := from[user]; old >= 0 {
			if _, err := open[old].ExecContext(ctx, `DELETE FROM users WHERE id = ?`, user); err != nil {
				return 0, fmt.Errorf("delete a user: %w", err)
			}
		}
		if _, err := open[shard].ExecContext(ctx, `INSERT INTO users VALUES (?, 'a user')`, user); err != nil {
			return 0, fmt.Errorf("copy a user: %w", err)
		}
	}
	return moved, nil
}
