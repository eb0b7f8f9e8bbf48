package slack

// Tiers counts the methods of the table by tier, 0 for those that have none.
func Tiers() map[int]int {
	n := map[int]int{}
	for _, r := range table() {
		n[r.tier]++
	}
	return n
}

// Methods returns the names in the table with what each method does: "read", "write" or "post".
func Methods() map[string]string {
	m := map[string]string{}
	for _, r := range table() {
		m[r.name] = [...]string{reads: "read", writes: "write", posts: "post"}[r.effect]
	}
	return m
}

// MethodsCSV is the data file.
var MethodsCSV = methodsCSV

const (
	MaxPrefix = maxPrefix
	FirstRead = firstRead
)

// Members returns the members of a JSON object as they are read.
func Members(text []byte) (names, values []string) {
	members(text, func(name, value []byte) bool {
		names, values = append(names, string(name)), append(values, string(value))
		return true
	})
	return names, values
}

// JSONString is what a value says.
var JSONString = jsonString
