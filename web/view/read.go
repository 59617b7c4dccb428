package view

import (
	"path"

	"workbench/exercises/shelf"
)

// Worked is the page of an exercise's worked answers.
type Worked struct {
	Slug, Title string
	Promises    []string // of the contract
	Answers     []WorkedAnswer
	Mistakes    []string // what is often wrong
}

// WorkedAnswer is one right answer.
type WorkedAnswer struct {
	Name  string
	Files []ExerciseFile
}

// WorkedOf makes the page.
func WorkedOf(e shelf.Exercise) (Worked, error) {
	v := Worked{Slug: e.Slug, Title: e.Title}
	for _, p := range e.Contract {
		v.Promises = append(v.Promises, p.Text)
	}
	for _, dir := range e.Right {
		files, err := e.Files(dir)
		if err != nil {
			return v, err
		}
		a := WorkedAnswer{Name: path.Base(dir)}
		for _, name := range e.Names {
			a.Files = append(a.Files, ExerciseFile{name, files[name]})
		}
		v.Answers = append(v.Answers, a)
	}
	for _, m := range e.Mutants {
		v.Mistakes = append(v.Mistakes, m.Lesson)
	}
	return v, nil
}
