package main

import (
	"os"
	"strings"
	"testing"
)

func TestTheTableIsAsTheSourcesHaveIt(t *testing.T) {
	var b strings.Builder
	if err := generate(&b, pagesCSV, javaCSV, effectsCSV); err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../../methods.csv")
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(have) {
		t.Error("methods.csv is not what the sources make: run go generate in providers/slack")
	}
}

func TestThePageOfAMethodIsStrongerThanTheSDK(t *testing.T) {
	var b strings.Builder
	err := generate(&b,
		"method,tier,per_minute,burst\na.both,3,,\nb.page,special,600,900\nc.none,,,\n",
		"method,tier,per_minute\na.both,2,\nd.retired,4,\n",
		"# a comment\nmethod,effect,team,per_minute,note\na.both,read,team,,\nb.page,write,,7,x\nc.none,post,,8,\nd.retired,read,,,\n",
	)
	if err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(b.String(), "note\n")
	const want = "a.both,3,,,read,team,\nb.page,special,600,900,write,,x\nc.none,unknown,8,,post,,\nd.retired,4,,,read,,\n"
	if got != want {
		t.Errorf("made\n%swant\n%s", got, want)
	}
	if !strings.Contains(b.String(), "3 methods are as on") || !strings.Contains(b.String(), "other 1 are retired") ||
		!strings.Contains(b.String(), "on 1 methods") {
		t.Errorf("its head is\n%s", b.String())
	}
}

func TestSourcesThatDoNotFitTogetherAreReported(t *testing.T) {
	const pages, java, effects = "m,t,p,b\na,1,,\n", "m,t,p\n", "m,e,t,p,n\na,read,,,\n"
	for name, sources := range map[string][3]string{
		"nobody has said what x does": {pages + "x,2,,\n", java, effects},
		"there is no method x":        {pages, java, effects + "x,read,,,\n"},
		"a is there twice":            {pages + "a,2,,\n", java, effects},
		"the table quotes nothing":    {pages, java, strings.Replace(effects, "read,,,", `read,,,"b, c"`, 1)},
		"java":                        {pages, java + "x\n", effects},
	} {
		err := generate(&strings.Builder{}, sources[0], sources[1], sources[2])
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}
