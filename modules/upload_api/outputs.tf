# Ready means: the routes are there, deployed, and may invoke the function.

output "upload_api" {
  description = "The API: its address with a slash at the end, its id, what an IAM caller invokes, and its function."
  value = {
    url        = aws_apigatewayv2_stage.live.invoke_url
    api_id     = aws_apigatewayv2_api.upload_api.id
    invoke_arn = "${aws_apigatewayv2_api.upload_api.execution_arn}/*/POST/uploads"
    function   = { name = aws_lambda_function.issue_upload.function_name, arn = aws_lambda_function.issue_upload.arn }
  }

  depends_on = [aws_apigatewayv2_route.served, aws_lambda_permission.route]
}

output "page_origins" {
  description = "Where the page is served from, which the buckets must let in; none without a page."
  value       = var.upload_api.page ? [aws_apigatewayv2_api.upload_api.api_endpoint] : []
}
