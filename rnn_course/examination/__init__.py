"""How a function is examined, whatever it computes; rnn_course.checks says what each should do.

`examine` compares a function with a reference on given inputs and returns a Verdict; `calling`
runs it on copies, `compare` says what differs, `rounding` by how much it may, `following` judges
what calls earlier functions, and `verdict` turns all of it into a report and points.
"""
