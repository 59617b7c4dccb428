package main

import (
	"workbench/exercises/interview"
	"workbench/lab/broker/kind"
)

// listedBroker is a message broker in the list's JSON.
type listedBroker struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Idea  string `json:"idea"`
	Needs string `json:"needs,omitempty"`
}

func (p *program) brokers() (any, [][]string, error) {
	var out []listedBroker
	rows := [][]string{{"BROKER", "NEEDS", "WHAT IS SPECIAL ABOUT IT"}}
	for _, k := range kind.All() {
		out = append(out, listedBroker{k.Name, k.Title, k.Idea, k.Needs})
		rows = append(rows, []string{k.Name, k.Needs, k.Idea})
	}
	return out, rows, nil
}

// listedQuestion is an interview question in the list's JSON.
type listedQuestion struct {
	ID      string `json:"id"`
	Chapter int    `json:"chapter"`
	System  string `json:"system,omitempty"`
	Mode    string `json:"mode"`
	Text    string `json:"text"`
}

func (p *program) questions() (any, [][]string, error) {
	catalog, err := interview.Load()
	if err != nil {
		return nil, nil, err
	}
	var out []listedQuestion
	rows := [][]string{{"QUESTION", "MODE", "TEXT"}}
	for _, q := range catalog.List(interview.Filter{}) {
		out = append(out, listedQuestion{q.ID, q.Chapter, q.System, string(q.Mode), q.Text})
		rows = append(rows, []string{q.ID, string(q.Mode), q.Text})
	}
	return out, rows, nil
}
