package slack_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/underlimit/underlimit/providers/slack"
)

// decoded are the members of an object as encoding/json has them.
func decoded(text []byte) (names, values []string) {
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, nil
	}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		var value json.RawMessage
		if err != nil || !ok || dec.Decode(&value) != nil {
			return names, values
		}
		names, values = append(names, name), append(values, string(value))
	}
	return names, values
}

func TestMembersOfAnObjectAreReadUpToWhereItBreaksOff(t *testing.T) {
	const text = ` { "a" : "x,}" , "b\u0063":[1,{"d":"]"}], "e":{"f":{}},"g":-1.5e3,"h":null ,"":true,"\"":"\\" } `
	wantNames, wantValues := decoded([]byte(text))
	if len(wantNames) != 7 {
		t.Fatalf("%q", wantNames)
	}
	for end := range len(text) + 1 {
		names, values := slack.Members([]byte(text[:end]))
		n := len(names)
		if n > len(wantNames) || !slices.Equal(names, wantNames[:n]) || !slices.Equal(values, wantValues[:n]) {
			t.Errorf("of %s: %q and %q", text[:end], names, values)
		}
		if end == len(text) && n != len(wantNames) {
			t.Errorf("of all: %q", names)
		}
	}
}

func TestWhatIsNoObjectHasNoMembers(t *testing.T) {
	for _, text := range []string{
		"", " ", "{", "{}", "[]", `["a"]`, `"a":1`, `{a:1}`, `{"a"}`, `{"a" 1}`, `{"a":}`, `{"a":,"b":1}`, `{"a"`, `{"a\`,
		`{"a":"\`, `{:1}`, `{1:2}`, "null", strings.Repeat("{", 1<<16), strings.Repeat(`{"a":`, 1<<13),
		`{"a":` + strings.Repeat("[", 1<<16),
	} {
		if names, _ := slack.Members([]byte(text)); names != nil {
			t.Errorf("%.40s: %q", text, names)
		}
	}
}

func TestReadingALongMessageTakesNoMemoryForIt(t *testing.T) {
	blocks := strings.Repeat(`{"type":"section","text":"x"},`, 1000)
	text := []byte(`{"blocks":[` + blocks + `{}],"text":"` + strings.Repeat("x", 1<<15) + `"}`)
	n := testing.AllocsPerRun(20, func() {
		slack.Members(text)
	})
	if n > 10 { // what Members returns
		t.Errorf("%v allocations", n)
	}
}

func FuzzMembers(f *testing.F) {
	for _, s := range []string{
		`{"a":1,"b":"\u0041","c":[{"d":"}"}]}`, `{"\ud800":"\udc00"}`, "{\"a\":\"\xff\"}", `{"a":tru}`,
		`{"a" :1 , "b":2}`, "{\"\x00\":1}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		names, values := slack.Members(text)
		if !json.Valid(text) {
			return
		}
		wantNames, wantValues := decoded(text)
		if !reflect.DeepEqual(values, wantValues) {
			t.Fatalf("values %q, want %q", values, wantValues)
		}
		for i, name := range names {
			if name != wantNames[i] && strings.ToValidUTF8(name, "") == name {
				t.Errorf("name %q, want %q", name, wantNames[i])
			}
			var want string
			isString := json.Unmarshal([]byte(values[i]), &want) == nil && values[i] != "null"
			if got, ok := slack.JSONString([]byte(values[i])); ok != isString || got != want {
				t.Errorf("%s says %q, want %q", values[i], got, want)
			}
		}
	})
}
