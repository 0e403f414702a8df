# With a step of the embedder's own, that comes before the conversion here too: it says what crops keep in sight.

locals {
  _own_steps = [
    for before in var.before[*] : jsondecode(templatefile("${local._files}/own_step.asl.json", merge(local._values, {
      own_step_arn             = before.function_arn
      own_step_timeout_seconds = before.timeout_seconds
    })))
  ]

  # It hears of the object instead of the execution, and leaves the object to the conversion.
  _event = { event = "{% $states.input.event %}" }
  _asks = [
    for own_step in local._own_steps : { for name, state in own_step.States : name => merge(state, {
      Arguments = merge(state.Arguments, { Payload = merge(state.Arguments.Payload, local._event) })
      Assign    = merge(state.Assign, local._event)
      Output    = "{% $states.input %}"
      Catch     = [for caught in state.Catch : merge(caught, { Assign = merge(caught.Assign, local._event) })]
    }) }
  ]

  # And the conversion hears its answer.
  _convert = local._object.States["Convert image"]
  _asking_first = [
    for ask in local._asks : jsonencode(merge(local._object, {
      StartAt = one(keys(ask))
      States = merge(ask, local._object.States, {
        "Convert image" = merge(local._convert, {
          Arguments = merge(local._convert.Arguments, {
            Payload = merge(local._convert.Arguments.Payload, { own_step = "{% $own_step %}" })
          })
        })
      })
    }))
  ]
}
