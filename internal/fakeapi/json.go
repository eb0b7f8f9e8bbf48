package fakeapi

import "encoding/json"

// JSON is an object or list to be sent.
func JSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("fakeapi: bug: an answer that is no JSON: " + err.Error())
	}
	return b
}

// Object parses a body as a JSON object. An empty body is an empty object.
func Object(body []byte) (map[string]any, bool) {
	if len(body) == 0 {
		return nil, true
	}
	var object map[string]any
	if err := json.Unmarshal(body, &object); err != nil {
		return nil, false
	}
	return object, true
}
