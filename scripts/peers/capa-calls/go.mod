module xaccount.dev/capa-calls

go 1.25
