# With a step of the embedder's own, that comes before the conversion here too: it says what crops keep in sight.

locals {
  _event = { event = "{% $states.input.event %}" }

  # By Map, as long as there is a step: what the file says, with names that occur once.
  _steps = { for name, batch in local._batches : name => jsondecode(replace(replace(
    templatefile(local._own_step_file, merge(local._values, {
      own_step_arn             = var.before.function_arn
      own_step_timeout_seconds = var.before.timeout_seconds
    })),
    local._quoted_numbers, local._numbers),
    "/\"(Ask own step|Convert image|Record failure)\"/", "\"$1 (${local._frame.States[name].Label})\""
  )).States if var.before != null }

  # It hears of the object instead of the execution, and leaves the object to the conversion.
  _ask = { for name, states in local._steps : name => { for asking, state in states : asking => merge(state, {
    Arguments = merge(state.Arguments, { Payload = merge(state.Arguments.Payload, local._event) })
    Assign    = merge(state.Assign, local._event)
    Output    = "{% $states.input %}"
    Catch     = [for caught in state.Catch : merge(caught, { Assign = merge(caught.Assign, local._event) })]
  }) } }

  _each    = { for name, map in local._frame.States : name => "Each object (${map.Label})" if map.Type == "Map" }
  _convert = { for name, map in local._frame.States : name => "Convert image (${map.Label})" if map.Type == "Map" }
  _inner   = { for name, batch in local._batches : name => batch.ItemProcessor.States[local._each[name]].ItemProcessor }
  _heard = { for name, inner in local._inner : name => merge(inner.States[local._convert[name]].Arguments, {
    Payload = merge(inner.States[local._convert[name]].Arguments.Payload, { own_step = "{% $own_step %}" })
  }) }

  # What a Map has instead of its own item processor.
  _asking = { for name, ask in local._ask : name => { ItemProcessor = merge(local._batches[name].ItemProcessor, {
    States = merge(local._batches[name].ItemProcessor.States, {
      (local._each[name]) = merge(local._batches[name].ItemProcessor.States[local._each[name]], {
        ItemProcessor = merge(local._inner[name], {
          StartAt = one(keys(ask))
          States = merge(ask, local._inner[name].States, {
            (local._convert[name]) = merge(local._inner[name].States[local._convert[name]], {
              Arguments = local._heard[name]
            })
          })
        })
      })
    })
  }) } }
}
